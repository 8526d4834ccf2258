import { setTimeout as sleep } from "node:timers/promises";
import { localRequest } from "./local-http.ts";

/** `wait`: returns once the proxy is ready; 1 when it isn't in time. Istio's flags: --url, --timeoutSeconds. */
export async function runWait(args: readonly string[]): Promise<number> {
  const value = (name: string, fallback: string): string => {
    const attached = args.find((arg) => arg.startsWith(`--${name}=`));
    const at = args.indexOf(`--${name}`);
    return attached?.slice(name.length + 3) ?? (at >= 0 ? args[at + 1] : undefined) ?? fallback;
  };
  const url = new URL(value("url", "http://127.0.0.1:15021/healthz/ready"));
  const deadline = Date.now() + Number(value("timeoutSeconds", "60")) * 1000;
  const periodMs = Number(value("periodMillis", "500"));
  let last = "";
  while (Date.now() < deadline) {
    try {
      const path = `${url.pathname}${url.search}`;
      const port = Number(url.port || "80");
      const host = url.hostname === "localhost" ? "127.0.0.1" : url.hostname;
      const answer = await localRequest({ method: "GET", host, port, path, timeoutMs: 1000, maxBytes: 65_536 });
      if (answer.status === 200) return 0;
      last = `status ${answer.status}: ${answer.body.trim()}`;
    } catch (error) {
      last = (error as Error).message;
    }
    await sleep(periodMs);
  }
  process.stderr.write(`the proxy isn't ready: ${last}\n`);
  return 1;
}
