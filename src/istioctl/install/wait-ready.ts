import { setTimeout as sleep } from "node:timers/promises";
import type { Deployment } from "kubernetes-types/apps/v1.d.ts";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Manifest } from "./render/manifest.ts";

const pollMs = 200;

/**
 * Resolves when all replicas of the deployments among `manifests` are available; rejects after `timeoutMs`
 * with what keeps them, pod by pod.
 */
export async function waitReady(client: KubeClient, manifests: readonly Manifest[], timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (const manifest of manifests.filter((candidate) => candidate.kind === "Deployment")) {
    const ref = { namespace: manifest.metadata?.namespace ?? "", name: manifest.metadata?.name ?? "" };
    let deployment: Deployment | undefined;
    while (!isAvailable((deployment = await client.find<Deployment>(resourceTypes.deployments, ref)))) {
      if (Date.now() > deadline) {
        throw new Error(`deployment ${ref.namespace}/${ref.name} isn't ready: ${await explain(client, deployment)}`);
      }
      await sleep(pollMs);
    }
  }
}

function isAvailable(deployment: Deployment | undefined): boolean {
  const { metadata, spec, status } = deployment ?? {};
  const wanted = spec?.replicas ?? 1;
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 1) &&
    (status?.updatedReplicas ?? 0) >= wanted &&
    (status?.availableReplicas ?? 0) >= wanted &&
    (status?.replicas ?? 0) <= (status?.updatedReplicas ?? 0)
  );
}

async function explain(client: KubeClient, deployment: Deployment | undefined): Promise<string> {
  if (!deployment) return "it isn't there; was it deleted meanwhile?";
  const labels = Object.entries(deployment.spec?.selector.matchLabels ?? {});
  const { items: pods } = await client.list<Pod>(resourceTypes.pods, {
    namespace: deployment.metadata?.namespace ?? "",
    labelSelector: labels.map(([key, value]) => `${key}=${value}`).join(","),
  });
  if (pods.length === 0) {
    const failure = deployment.status?.conditions?.find((condition) => condition.type === "ReplicaFailure");
    return failure?.message ?? "it has no pods yet";
  }
  return pods.map(explainPod).join("; ");
}

function explainPod(pod: Pod): string {
  const name = `pod ${pod.metadata?.name}`;
  const containers = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const { name: container, state, ready } of containers) {
    const stopped = state?.waiting ?? state?.terminated;
    if (stopped && stopped.reason !== "Completed")
      return `${name}, container ${container}: ${stopped.reason} ${stopped.message ?? ""}`.trimEnd();
    if (state?.running && !ready)
      return `${name}, container ${container}: runs but isn't ready; see kubectl logs -n ${pod.metadata?.namespace} ${pod.metadata?.name} -c ${container}`;
  }
  return `${name}: ${pod.status?.phase ?? "Pending"}`;
}
