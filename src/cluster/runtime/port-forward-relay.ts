import { connect, createServer, type Socket } from "node:net";

/**
 * Runs in a pod's network namespace, started by `port-forward.ts` with the path of a Unix socket. Each connection there
 * sends a line with a port and gets a line back, `ok` or what went wrong; then it is that port of 127.0.0.1.
 * Ends with its standard input.
 */
const socketPath = process.argv[2] ?? "";
const longestLine = 8;

function serve(caller: Socket): void {
  let head = Buffer.alloc(0);
  const read = (chunk: Buffer): void => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf(10);
    if (end < 0 && head.length <= longestLine) return;
    caller.off("data", read);
    caller.pause();
    const port = Number(head.toString("latin1", 0, Math.max(0, end)));
    if (!Number.isInteger(port) || port < 1 || port > 65_535) caller.end(`bad port\n`);
    else forward(caller, port, head.subarray(end + 1));
  };
  caller.on("data", read);
  caller.on("error", () => caller.destroy());
}

function forward(caller: Socket, port: number, early: Buffer): void {
  const target = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  const refuse = (error: Error): void => void caller.end(`${error.message}\n`);
  target.once("error", refuse);
  target.once("connect", () => {
    target.off("error", refuse);
    target.on("error", () => caller.destroy());
    caller.on("error", () => target.destroy());
    caller.on("close", () => target.destroy());
    target.on("close", () => caller.destroySoon());
    caller.write("ok\n");
    if (early.length > 0) target.write(early);
    caller.pipe(target);
    target.pipe(caller);
  });
}

process.stdin.on("end", () => process.exit(0)).resume();
createServer({ allowHalfOpen: true }, serve).listen(socketPath, () => process.stdout.write("listening\n"));
