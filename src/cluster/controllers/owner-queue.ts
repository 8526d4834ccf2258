import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { LabelSelector } from "kubernetes-types/meta/v1.d.ts";
import { type KubeObject, objectKey } from "#kube/object.ts";
import type { Cache } from "./cluster-state.ts";
import type { ControllerContext } from "./controller.ts";
import { controllerOf, ownerKeyOf, selectorMatches } from "./owners.ts";
import type { WorkQueue } from "./work-queue.ts";

/** Puts the owners of a given kind into the queue when one of their pods changes, and those that might adopt a pod without owner. */
export function enqueueFromPods<T extends KubeObject & { readonly spec?: { readonly selector?: LabelSelector } }>(
  { state }: ControllerContext,
  kind: string,
  owners: Cache<T>,
  queue: WorkQueue,
): void {
  function add(pod: Pod | undefined): void {
    if (!pod) return;
    const key = ownerKeyOf(pod, kind);
    if (key) queue.add(key);
    else if (controllerOf(pod) === undefined)
      for (const owner of owners.values())
        if (
          owner.metadata?.namespace === pod.metadata?.namespace &&
          selectorMatches(owner.spec?.selector, pod.metadata?.labels)
        )
          queue.add(objectKey(owner));
  }
  state.pods.onChange(({ before, after }) => {
    add(after);
    // A changed owner concerns the old one too.
    if (!after || ownerKeyOf(before, kind) !== ownerKeyOf(after, kind)) add(before);
  });
}
