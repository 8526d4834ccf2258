import { flushCompileCache } from "node:module";

/** `pilot-agent`: each command loads only what it needs. */
async function run(command: string | undefined, args: readonly string[]): Promise<number> {
  switch (command) {
    case "proxy":
      return (await import("./proxy-command.ts")).runProxy(args, process.env);
    case "request":
      return (await import("./request-command.ts")).runRequest(args);
    case "wait":
      return (await import("./wait-command.ts")).runWait(args);
    case "version":
      process.stdout.write(`${(await import("./version.ts")).version}\n`);
      return 0;
    case "warm":
      return warm();
    default:
      process.stderr.write("usage: pilot-agent proxy sidecar|router | request GET|POST PATH | wait | version\n");
      return 2;
  }
}

/** Loads every command, so that a compile cache (NODE_COMPILE_CACHE) holds all that the agent may run. */
async function warm(): Promise<number> {
  await Promise.all([
    import("./proxy-command.ts"),
    import("./request-command.ts"),
    import("./wait-command.ts"),
    import("./grpc-health.ts"),
  ]);
  flushCompileCache();
  return 0;
}

try {
  process.exitCode = await run(process.argv[2], process.argv.slice(3));
} catch (error) {
  process.stderr.write(`pilot-agent: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
// a call under way must not keep a container from ending
process.exit();
