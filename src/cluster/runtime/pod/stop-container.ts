import { setTimeout as sleep } from "node:timers/promises";
import type { Container } from "kubernetes-types/core/v1.d.ts";
import { type HookTarget, runHook } from "../hooks.ts";
import type { ContainerRunHandle } from "./container-run.ts";

/** What is left after a long `preStop` hook, at least (ms; kubelet: `minimumGracePeriodInSeconds`). */
const leastAfterHook = 2_000;

/**
 * Ends a container: its `preStop` hook, then SIGTERM, and SIGKILL when the grace period (ms), which began with the hook, is over.
 * Resolves to what went wrong with the hook.
 */
export async function stopContainer(
  container: Container,
  handle: ContainerRunHandle,
  target: HookTarget,
  grace: number,
): Promise<string | undefined> {
  const until = Date.now() + grace;
  const gone = new AbortController();
  const ended = handle.process.ended.then(() => gone.abort());
  let problem: string | undefined;
  const preStop = container.lifecycle?.preStop;
  if (preStop && grace > 0) {
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(grace)]);
    problem = await runHook(preStop, target, signal);
    if (gone.signal.aborted) problem = undefined;
  }
  if (grace > 0) {
    handle.process.signal("SIGTERM");
    const left = preStop ? Math.max(leastAfterHook, until - Date.now()) : until - Date.now();
    await Promise.race([ended, sleep(left, undefined, { ref: false, signal: gone.signal }).catch(() => {})]);
  }
  if (!gone.signal.aborted) handle.process.signal("SIGKILL");
  return problem;
}
