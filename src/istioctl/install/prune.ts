import type { KubeClient } from "#kube/client.ts";
import type { KubeObject, ResourceType } from "#kube/object.ts";
import { objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { deleteIfPresent } from "./apply.ts";
import type { Component } from "./render/manifest.ts";

const rbac = (plural: string, kind: string, namespaced: boolean): ResourceType => ({
  group: "rbac.authorization.k8s.io",
  version: "v1",
  plural,
  kind,
  namespaced,
});

/** Kinds that an install makes, in the order in which they are safe to remove: webhooks first, accounts last. */
const managedTypes: readonly ResourceType[] = [
  resourceTypes.mutatingWebhookConfigurations,
  resourceTypes.validatingWebhookConfigurations,
  resourceTypes.horizontalPodAutoscalers,
  resourceTypes.podDisruptionBudgets,
  resourceTypes.deployments,
  resourceTypes.services,
  resourceTypes.configMaps,
  rbac("rolebindings", "RoleBinding", true),
  rbac("roles", "Role", true),
  rbac("clusterrolebindings", "ClusterRoleBinding", false),
  rbac("clusterroles", "ClusterRole", false),
  resourceTypes.serviceAccounts,
];

const managed = "operator.istio.io/component";

/** Removes what an earlier install made and `components` no longer hold; resolves to what was removed. */
export async function pruneComponents(client: KubeClient, components: readonly Component[]): Promise<string[]> {
  const wanted = new Set(components.flatMap(({ manifests }) => manifests.map(identity)));
  const revisions = new Set(components.flatMap(({ manifests }) => manifests.map(revisionOf)));
  return removeManaged(client, (object) => revisions.has(revisionOf(object)) && !wanted.has(identity(object)));
}

/** Removes everything that installs made (of one revision, when given); custom resource definitions stay. */
export async function removeComponents(client: KubeClient, revision?: string): Promise<string[]> {
  return removeManaged(client, (object) => revision === undefined || revisionOf(object) === revision);
}

async function removeManaged(client: KubeClient, chosen: (object: KubeObject) => boolean): Promise<string[]> {
  const removed: string[] = [];
  for (const type of managedTypes) {
    const { items } = await client.list(type, { labelSelector: managed });
    for (const object of items.filter(chosen)) {
      if (await deleteIfPresent(client, type, object)) removed.push(`${type.kind} ${objectKey(object)}`);
    }
  }
  return removed;
}

function identity(object: KubeObject): string {
  return `${object.kind} ${objectKey(object)}`;
}

function revisionOf(object: KubeObject): string {
  return object.metadata?.labels?.["istio.io/rev"] ?? "";
}
