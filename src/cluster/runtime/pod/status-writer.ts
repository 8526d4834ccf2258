import { setTimeout as sleep } from "node:timers/promises";
import type { Pod, PodStatus } from "kubernetes-types/core/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";

/** Writes one pod's status, the latest only, and only when it has changed. */
export interface StatusWriter {
  /** Asks for a write soon; `current` is called, with what was written last, when it is its turn. */
  touch(): void;
  /** Resolves when what was asked for is written, or can't be. */
  settled(): Promise<void>;
}

const retryDelay = 250;

export function createStatusWriter(
  client: KubeClient,
  pod: () => Pod,
  current: (previous: PodStatus | undefined) => PodStatus,
  log: Log,
): StatusWriter {
  let written: PodStatus | undefined;
  let isDirty = false;
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    // What happens in one turn of the event loop goes out as one.
    await Promise.resolve();
    while (isDirty) {
      isDirty = false;
      const status = current(written);
      const before = written ?? pod().status ?? {};
      if (JSON.stringify(status) === JSON.stringify(written)) continue;
      const gone = Object.keys(before).filter((key) => !(key in status) && owned.has(key));
      const patch = {
        metadata: { uid: pod().metadata?.uid },
        status: { ...status, ...Object.fromEntries(gone.map((key) => [key, null])) },
      };
      const { namespace = "default", name = "" } = pod().metadata ?? {};
      try {
        await client.patch(resourceTypes.pods, { namespace, name, subresource: "status", patch, as: "merge" });
        written = status;
      } catch (error) {
        if (isKubeError(error, "NotFound") || isKubeError(error, "Conflict")) return;
        log.warn("writing the pod's status failed; trying again", { error });
        isDirty = true;
        await sleep(retryDelay, undefined, { ref: false });
      }
    }
  }

  return {
    touch() {
      isDirty = true;
      running ??= run().finally(() => {
        running = undefined;
        if (isDirty) this.touch();
      });
    },
    async settled() {
      await running;
    },
  };
}

/** Fields that are taken away again when they no longer hold. */
const owned: ReadonlySet<string> = new Set(["reason", "message", "podIP", "podIPs"]);
