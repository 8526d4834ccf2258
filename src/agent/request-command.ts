import { localRequest } from "./local-http.ts";

const timeoutMs = 30_000;
/** The config dump of a proxy in a large mesh fits. */
const maxBytes = 256 * 1024 * 1024;

/** `request [--debug-port N] GET|POST PATH`: asks Envoy's admin port, or the agent. Returns the exit code. */
export async function runRequest(args: readonly string[]): Promise<number> {
  let port = 15000;
  const rest: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] as string;
    if (arg.startsWith("--debug-port=")) port = Number(arg.slice("--debug-port=".length));
    else if (arg === "--debug-port") {
      index += 1;
      port = Number(args[index]);
    } else if (!arg.startsWith("--")) rest.push(arg);
  }
  const [method = "", path = ""] = rest;
  if ((method !== "GET" && method !== "POST") || path === "" || !Number.isInteger(port)) {
    process.stderr.write("usage: pilot-agent request [--debug-port PORT] GET|POST PATH\n");
    return 2;
  }
  try {
    const target = path.startsWith("/") ? path : `/${path}`;
    const answer = await localRequest({ method, port, path: target, timeoutMs, maxBytes });
    // The process ends when this returns, and what a pipe hasn't taken by then is lost.
    await new Promise<void>((done) => process.stdout.write(answer.body, () => done()));
    if (answer.status < 400) return 0;
    process.stderr.write(`${method} ${target}: status ${answer.status}\n`);
  } catch (error) {
    process.stderr.write(`${method} ${path} on port ${port}: ${(error as Error).message}; is the proxy running?\n`);
  }
  return 1;
}
