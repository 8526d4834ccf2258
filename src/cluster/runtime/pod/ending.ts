import type { Container } from "kubernetes-types/core/v1.d.ts";
import { parseQuantity } from "../quantity.ts";
import type { ContainerResult } from "./container-run.ts";
import type { Ended } from "./pod-state.ts";

const sigkill = 9;

/** How a run that has ended is told. `wasKilled`: the runtime itself may have sent SIGKILL. */
export function endedAfter(
  container: Container,
  id: string,
  startedAt: number,
  finishedAt: number,
  result: ContainerResult,
  wasKilled: boolean,
): Ended {
  const message = result.terminationMessage;
  return {
    id,
    exitCode: result.exitCode,
    reason: reasonOf(container, result, wasKilled),
    ...(message === "" ? {} : { message }),
    startedAt,
    finishedAt,
  };
}

/**
 * Nobody inside a pod can send SIGKILL to its container's first process (pid_namespaces(7)), so where there is a memory limit and we
 * didn't, the kernel's out-of-memory killer did.
 */
function reasonOf(container: Container, result: ContainerResult, wasKilled: boolean): string {
  const hasLimit = parseQuantity(container.resources?.limits?.["memory"]) !== undefined;
  if (result.signal === sigkill && hasLimit && !wasKilled) return "OOMKilled";
  return result.exitCode === 0 ? "Completed" : "Error";
}

/** A container that the OCI runtime couldn't start (containerd tells it the same way). */
export function notStarted(message: string, at: number): Ended {
  return { id: "weft://none", exitCode: 128, reason: "StartError", message, startedAt: 0, finishedAt: at };
}
