import type { ContainerRun, ContainerState } from "./pod-state.ts";

type Waiting = Extract<ContainerRun, { at: "waiting" }>;
type EventFacts = readonly [type: "Normal" | "Warning", reason: string, message: string];

/** When an image that isn't known is looked for again (ms): soon, so that the reason becomes a back-off, then steadily. */
const imageRetry = { first: 2_000, later: 5_000 };

export function isImageWait(run: ContainerRun): boolean {
  return run.at === "waiting" && (run.reason === "ErrImagePull" || run.reason === "ImagePullBackOff");
}

/** How a container waits whose image isn't in the catalogue, and the events that tell it. */
export function imageWait(
  image: string,
  why: string,
  isRepeated: boolean,
  now: number,
): { readonly run: Waiting; readonly events: readonly EventFacts[] } {
  if (isRepeated) {
    const message = `Back-off pulling image "${image}"`;
    return {
      run: {
        at: "waiting",
        reason: "ImagePullBackOff",
        message: `${message}: ${why}`,
        retryAt: now + imageRetry.later,
      },
      events: [["Normal", "BackOff", message]],
    };
  }
  return {
    run: { at: "waiting", reason: "ErrImagePull", message: why, retryAt: now + imageRetry.first },
    events: [
      ["Warning", "Failed", `Failed to pull image "${image}": ${why}`],
      ["Warning", "Failed", "Error: ErrImagePull"],
    ],
  };
}

/** How a crashed container waits until `until`; `where` names its pod. */
export function backOffState(container: ContainerState, where: string, until: number): Waiting {
  const delay = formatDuration(Math.round((container.backoff?.delay ?? 0) / 1000));
  return {
    at: "waiting",
    reason: "CrashLoopBackOff",
    message: `back-off ${delay} restarting failed container=${container.name} pod=${where}`,
    retryAt: until,
  };
}

/** Go's way of writing it, as in the kubelet's messages: `10s`, `1m20s`. */
function formatDuration(seconds: number): string {
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
