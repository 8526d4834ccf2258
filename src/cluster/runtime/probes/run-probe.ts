import { Writable } from "node:stream";
import type { Container, Probe } from "kubernetes-types/core/v1.d.ts";
import type { Crun } from "../crun.ts";
import { type ExecTarget, execInContainer } from "../exec.ts";
import { resolvePort } from "./endpoint.ts";
import { grpcHealthCheck } from "./grpc-health.ts";
import { httpGet } from "./http-get.ts";
import { tcpConnect } from "./tcp-socket.ts";

/** What a probe asks. */
export interface ProbeTarget {
  readonly crun: Crun;
  readonly exec: ExecTarget;
  readonly container: Container;
  readonly podIp: string;
}

/** So much of an exec probe's output goes into the message (characters). */
const keptOutput = 1024;

/** Runs a probe once: undefined when it succeeds, else what was wrong. Never rejects. */
export async function runProbe(probe: Probe, target: ProbeTarget): Promise<string | undefined> {
  const timeout = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    return await probeOnce(probe, target, timeout);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function probeOnce(probe: Probe, target: ProbeTarget, timeout: number): Promise<string | undefined> {
  const { container, podIp } = target;
  if (probe.httpGet) {
    const { status } = await httpGet(probe.httpGet, container, podIp, { timeout, agent: "kube-probe/1.32" });
    return status >= 200 && status < 400 ? undefined : `HTTP probe failed with statuscode: ${status}`;
  }
  if (probe.tcpSocket) {
    const port = resolvePort(container, probe.tcpSocket.port);
    if (port === undefined) return `container ${container.name} has no port "${probe.tcpSocket.port}"`;
    await tcpConnect(probe.tcpSocket.host ?? podIp, port, timeout);
    return undefined;
  }
  if (probe.grpc) {
    await grpcHealthCheck(podIp, probe.grpc.port, probe.grpc.service ?? "", timeout);
    return undefined;
  }
  return probe.exec ? runExecProbe(probe.exec.command ?? [], target, timeout) : undefined;
}

async function runExecProbe(
  command: readonly string[],
  { crun, exec }: ProbeTarget,
  timeout: number,
): Promise<string | undefined> {
  let output = "";
  const collect = (): Writable =>
    new Writable({
      write(chunk: Buffer, _, done) {
        output = (output + chunk.toString("utf8")).slice(0, keptOutput);
        done();
      },
    });
  const signal = AbortSignal.timeout(timeout);
  const exitCode = await execInContainer(crun, exec, {
    command,
    tty: false,
    stdout: collect(),
    stderr: collect(),
    signal,
  });
  if (signal.aborted) return `command timed out: ${JSON.stringify(command)} timed out after ${timeout / 1000}s`;
  return exitCode === 0 ? undefined : output.trim() || `command ended with exit code ${exitCode}`;
}
