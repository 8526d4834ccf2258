import type { LabelSelector, OwnerReference } from "kubernetes-types/meta/v1.d.ts";
import { apiVersionOf, type KubeObject, objectKey, type ResourceType } from "#kube/object.ts";
import { matchesLabels } from "#labels/label-selector.ts";

/** The one owner that manages this object, if any. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((owner) => owner.controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata?.uid;
}

/** The reference that makes `owner` the controller of a new object, and keeps it until that object is gone (foreground). */
export function controllerReference(owner: KubeObject, type: ResourceType): OwnerReference {
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    name: owner.metadata?.name ?? "",
    uid: owner.metadata?.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The key of the controller in a change of one of its objects, when that controller is of this kind. */
export function ownerKeyOf(object: KubeObject | undefined, kind: string): string | undefined {
  if (!object) return undefined;
  const owner = controllerOf(object);
  if (owner?.kind !== kind) return undefined;
  return objectKey({ metadata: { namespace: object.metadata?.namespace ?? "", name: owner.name } });
}

/** Kubernetes' label selector; one without any requirement selects everything, an absent one nothing. */
export function selectorMatches(selector: LabelSelector | undefined, labels: Record<string, string> = {}): boolean {
  return selector !== undefined && matchesLabels(selector, labels);
}
