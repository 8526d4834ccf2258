import { selects } from "./label-selector.ts";
import type { InjectablePod } from "./pod.ts";
import type { InjectValues } from "./values.ts";

const ignoredNamespaces = new Set(["kube-system", "kube-public", "kube-node-lease", "local-path-storage"]);

/**
 * Why a pod gets no sidecar, or undefined when it gets one. The pod's own label wins over its annotation, both over the
 * install's selectors, those over the policy. The namespace's labels are not looked at: the webhook's selectors did
 * that, and `kube-inject` doesn't ask. Istio: injectRequired.
 */
export function reasonNotToInject(pod: InjectablePod, namespace: string, values: InjectValues): string | undefined {
  if (pod.spec?.hostNetwork === true) return "has host networking enabled";
  if (ignoredNamespaces.has(namespace)) return `is in namespace ${namespace}, which is never injected`;
  const labels = pod.metadata?.labels ?? {};
  const own = labels["sidecar.istio.io/inject"] ?? pod.metadata?.annotations?.["sidecar.istio.io/inject"] ?? "";
  if (own !== "")
    return /^(y|yes|true|on)$/i.test(own)
      ? undefined
      : `has sidecar injection disabled (sidecar.istio.io/inject: ${own})`;
  const { neverInjectSelector, alwaysInjectSelector } = values.sidecarInjectorWebhook;
  if (neverInjectSelector.some((selector) => selects(selector, labels)))
    return "has sidecar injection disabled (its labels match neverInjectSelector)";
  if (alwaysInjectSelector.some((selector) => selects(selector, labels))) return undefined;
  return values.global.proxy.autoInject === "disabled"
    ? "has sidecar injection disabled (values.global.proxy.autoInject)"
    : undefined;
}
