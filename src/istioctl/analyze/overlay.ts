import type { KubeObject } from "#kube/object.ts";
import { groupOf } from "./shapes.ts";

/**
 * The cluster's objects as they would be with those from files applied. Pods of files are left out: the injector would change
 * them, so they say nothing about what will run; nor are nodes ever applied.
 */
export function overlay(cluster: readonly KubeObject[], fromFiles: readonly KubeObject[]): KubeObject[] {
  const applied = fromFiles.filter(({ kind }) => kind !== "Pod" && kind !== "Node");
  const byKey = new Map([...cluster, ...applied].map((object) => [keyOf(object), object]));
  return [...byKey.values()];
}

function keyOf(object: KubeObject): string {
  const { namespace = "", name = "" } = object.metadata ?? {};
  return [groupOf(object), object.kind, namespace, name].join("/");
}
