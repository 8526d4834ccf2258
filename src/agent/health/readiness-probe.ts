import { execFile } from "node:child_process";
import { type AppProbe, probeApp } from "../app-probe.ts";

/** How the workload is asked for its health. Istio: ReadinessProbe of a WorkloadGroup, in the proxy's configuration. */
export interface ReadinessProbe {
  readonly initialDelaySeconds?: number;
  readonly timeoutSeconds?: number;
  readonly periodSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
  readonly httpGet?: NonNullable<AppProbe["httpGet"]>;
  readonly tcpSocket?: NonNullable<AppProbe["tcpSocket"]>;
  readonly grpc?: NonNullable<AppProbe["grpc"]>;
  readonly exec?: { readonly command?: readonly string[] };
}

/** One check: undefined when the workload is well, else in words what is wrong. Never rejects. */
export async function check(probe: ReadinessProbe): Promise<string | undefined> {
  const timeoutSeconds = probe.timeoutSeconds || 1;
  if (probe.exec) return run(probe.exec.command ?? [], timeoutSeconds * 1000);
  const host = probe.httpGet?.host || probe.tcpSocket?.host || "127.0.0.1";
  const headers = { "user-agent": "istio-probe/1.0" };
  const status = await probeApp({ ...probe, timeoutSeconds }, { host }, headers);
  if (status >= 200 && status < 400) return undefined;
  if (probe.httpGet) return `GET ${probe.httpGet.path ?? "/"} on port ${probe.httpGet.port} gives ${status}`;
  return `no good answer on port ${probe.tcpSocket?.port ?? probe.grpc?.port}`;
}

function run([program = "", ...args]: readonly string[], timeout: number): Promise<string | undefined> {
  if (program === "") return Promise.resolve("the probe's command is empty");
  return new Promise((resolve) => {
    execFile(program, args, { timeout, killSignal: "SIGKILL", maxBuffer: 65_536 }, (error) => {
      resolve(error === null ? undefined : `${program}: ${error.message.slice(0, 500)}`);
    });
  });
}
