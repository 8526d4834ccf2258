import type { Container } from "kubernetes-types/core/v1.d.ts";
import { type InjectablePod, proxyContainerName } from "./pod.ts";

/**
 * Puts the containers in the order in which they must start. Changes the pod. A native proxy starts after capture and
 * before the user's init containers; otherwise capture comes last, or the user's init containers would have no network.
 */
export function orderContainers(pod: InjectablePod, proxyFirst: boolean): void {
  const { spec } = pod;
  if (!spec) return;
  spec.containers = moved(spec.containers, proxyContainerName, proxyFirst ? "first" : "last");
  const before = pod.metadata?.annotations?.["sidecar.istio.io/init-containers-before-proxy"] ?? "";
  let inits = spec.initContainers ?? [];
  if (inits.some((item) => item.name === proxyContainerName)) {
    inits = moved(inits, "enable-core-dump", "first");
    inits = moved(inits, proxyContainerName, "first");
    for (const name of before.split(",").reverse()) inits = moved(inits, name, "first");
    inits = moved(inits, "istio-validation", "first");
    inits = moved(inits, "istio-init", "first");
  } else {
    inits = moved(inits, "istio-validation", "first");
    inits = moved(inits, "istio-init", "last");
    inits = moved(inits, "enable-core-dump", "last");
  }
  if (inits.length > 0) spec.initContainers = inits;
}

function moved(containers: readonly Container[], name: string, to: "first" | "last"): Container[] {
  const found = containers.filter((item) => item.name === name);
  const others = containers.filter((item) => item.name !== name);
  return to === "first" ? [...found, ...others] : [...others, ...found];
}
