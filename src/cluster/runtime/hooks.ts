import { setTimeout as sleep } from "node:timers/promises";
import type { Container, LifecycleHandler } from "kubernetes-types/core/v1.d.ts";
import type { Crun } from "./crun.ts";
import { type ExecTarget, execInContainer } from "./exec.ts";
import { resolvePort } from "./probes/endpoint.ts";
import { httpGet } from "./probes/http-get.ts";
import { tcpConnect } from "./probes/tcp-socket.ts";

export interface HookTarget {
  readonly crun: Crun;
  readonly exec: ExecTarget;
  readonly container: Container;
  readonly podIp: string;
}

/** Longest time for an HTTP hook's answer (ms); commands may take as long as they like. */
const httpTimeout = 30_000;

/** Runs a `postStart` or `preStop` handler to its end: undefined when it succeeds, else what was wrong. Never rejects. */
export async function runHook(
  handler: LifecycleHandler,
  target: HookTarget,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return await handle(handler, target, signal);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function handle(handler: LifecycleHandler, target: HookTarget, signal: AbortSignal): Promise<string | undefined> {
  const { container, podIp } = target;
  if (handler.exec) {
    const command = handler.exec.command ?? [];
    const exitCode = await execInContainer(target.crun, target.exec, { command, tty: false, signal });
    return exitCode === 0 ? undefined : `command ${JSON.stringify(command)} exited with ${exitCode}`;
  }
  if (handler.httpGet) {
    const options = { timeout: httpTimeout, agent: "kube-lifecycle/1.32" };
    const { status } = await httpGet(handler.httpGet, container, podIp, options);
    return status >= 200 && status < 400 ? undefined : `HTTP lifecycle hook answered ${status}`;
  }
  if (handler.tcpSocket) {
    const port = resolvePort(container, handler.tcpSocket.port) ?? 0;
    await tcpConnect(handler.tcpSocket.host ?? podIp, port, httpTimeout);
    return undefined;
  }
  if (handler.sleep) await sleep(handler.sleep.seconds * 1000, undefined, { signal, ref: false });
  return undefined;
}
