import { request } from "node:http";

const timeoutMs = 30_000;

/**
 * `pilot-discovery request GET /debug/syncz`: asks this pod's istiod and prints the answer, for `kubectl exec`. Resolves to
 * the exit code.
 */
export async function runRequest(args: readonly string[]): Promise<number> {
  const [method = "GET", path = "/debug"] = args;
  const port = Number(process.env["ISTIOD_HTTP_PORT"] ?? 8080);
  return await new Promise((done) => {
    const call = request({ host: "127.0.0.1", port, method, path, timeout: timeoutMs }, (answer) => {
      answer.pipe(process.stdout);
      answer.once("end", () => done(answer.statusCode === 200 ? 0 : 1));
    });
    call.once("timeout", () => call.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)));
    call.once("error", (error) => {
      process.stderr.write(`istiod on port ${port}: ${error.message}\n`);
      done(1);
    });
    call.end();
  });
}
