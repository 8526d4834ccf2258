import type { InjectContext } from "./context.ts";

/** Image of the proxy and of its init container: the pod's annotation, a full name in the values, or hub/name:tag. */
export function proxyImage(context: InjectContext, name: string): string {
  const own = context.annotations["sidecar.istio.io/proxyImage"] ?? name;
  if (own.includes("/")) return own;
  const { hub, tag } = context.values.global;
  const type = context.annotations["sidecar.istio.io/proxyImageType"] ?? context.proxyConfig.image?.imageType ?? "";
  return `${hub}/${context.values.global.proxy.image || "proxyv2"}:${taggedType(String(tag), type)}`;
}

/** An image type is a suffix of the tag: it replaces one that is there already, `default` takes it away. */
function taggedType(tag: string, type: string): string {
  if (type === "") return tag;
  const bare = tag.replace(/-(distroless|debug)$/, "");
  return type === "default" ? bare : `${bare}-${type}`;
}
