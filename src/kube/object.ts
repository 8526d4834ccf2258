import type { ObjectMeta } from "kubernetes-types/meta/v1.d.ts";

/** Any Kubernetes object as it travels; kinds narrow it with `kubernetes-types` or `src/api`. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/** What identifies a REST collection. `group` is `""` for the core API. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** `namespace/name`, or `name` for cluster-scoped objects: the key of every map of objects. */
export function objectKey(object: KubeObject): string {
  const { namespace, name = "" } = object.metadata ?? {};
  return namespace ? `${namespace}/${name}` : name;
}

/** `v1` or `networking.istio.io/v1`. */
export function apiVersionOf(type: Pick<ResourceType, "group" | "version">): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** URL path of a collection, or of one object in it, or of its subresource. */
export function resourcePath(type: ResourceType, namespace?: string, name?: string, subresource?: string): string {
  const root = type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const scope = type.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  const object = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  return `${root}${scope}/${type.plural}${object}${subresource ? `/${subresource}` : ""}`;
}
