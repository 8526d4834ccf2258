import type { GatewayApiObject } from "#api/gateway-api/object.ts";

/** The resources that something was made from, each once, as the annotation for it has them. Istio: InternalParentNames. */
export function parentNames(objects: readonly Pick<GatewayApiObject<unknown>, "kind" | "metadata">[]): string {
  return [...new Set(objects.map(({ kind, metadata }) => `${kind}/${metadata.name}.${metadata.namespace}`))].join(",");
}
