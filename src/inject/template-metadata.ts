import { excludedInboundPorts } from "./capture-args.ts";
import { annotationOr, type InjectContext } from "./context.ts";
import { proxyContainerName } from "./pod.ts";

/** Labels by which telemetry groups pods: the user's own, else Kubernetes' recommended ones, else the workload's. */
export function canonicalLabels({ labels, workload }: InjectContext): Record<string, string> {
  const name =
    labels["service.istio.io/canonical-name"] || labels["app.kubernetes.io/name"] || labels["app"] || workload.name;
  const revision =
    labels["service.istio.io/canonical-revision"] ||
    labels["app.kubernetes.io/version"] ||
    labels["version"] ||
    "latest";
  return {
    // a label's value has at most 63 characters and ends in a letter or digit
    "service.istio.io/canonical-name": name.slice(0, 63).replace(/[-_.]+$/, ""),
    "service.istio.io/canonical-revision": revision,
  };
}

/** Labels of a sidecar's pod. */
export function sidecarLabels(context: InjectContext): Record<string, string> {
  const tlsMode = context.labels["security.istio.io/tlsMode"] || "istio";
  return { "security.istio.io/tlsMode": tlsMode, ...canonicalLabels(context) };
}

/** Annotations of a sidecar's pod: for kubectl's default container, and for the CNI plugin what it must capture. */
export function sidecarAnnotations(context: InjectContext): Record<string, string> {
  const first = context.spec.containers.find((item) => item.name !== proxyContainerName)?.name;
  const added: Record<string, string> = { "istio.io/rev": context.revision || "default" };
  for (const name of ["kubectl.kubernetes.io/default-logs-container", "kubectl.kubernetes.io/default-container"])
    if (first !== undefined && context.annotations[name] === undefined) added[name] = first;
  return context.values.pilot.cni.enabled ? { ...added, ...cniAnnotations(context) } : added;
}

function cniAnnotations(context: InjectContext): Record<string, string> {
  const { proxy } = context.values.global;
  const added: Record<string, string> = { "sidecar.istio.io/interceptionMode": context.interceptionMode };
  const settings: readonly (readonly [string, string])[] = [
    ["includeOutboundIPRanges", proxy.includeIPRanges],
    ["excludeOutboundIPRanges", proxy.excludeIPRanges],
    ["includeInboundPorts", proxy.includeInboundPorts],
    ["includeOutboundPorts", proxy.includeOutboundPorts],
    ["excludeOutboundPorts", proxy.excludeOutboundPorts],
    ["excludeInterfaces", ""],
  ];
  for (const [name, fallback] of settings) {
    const key = `traffic.sidecar.istio.io/${name}`;
    const value = annotationOr(context, key, fallback);
    if (value !== "") added[key] = value;
  }
  added["traffic.sidecar.istio.io/excludeInboundPorts"] = excludedInboundPorts(context);
  if (context.values.pilot.cni.provider === "multus")
    added["k8s.v1.cni.cncf.io/networks"] = withMultusNetwork(context.annotations["k8s.v1.cni.cncf.io/networks"]);
  return added;
}

const multusNetwork = { name: "istio-cni", namespace: "default" };

/** Adds the CNI plugin's network to Multus' list, which is either JSON or `namespace/name,…`. */
function withMultusNetwork(existing: string | undefined): string {
  const own = `${multusNetwork.namespace}/${multusNetwork.name}`;
  if (!existing?.trim()) return own;
  if (!existing.trim().startsWith("[")) return `${existing}, ${own}`;
  const networks = JSON.parse(existing) as { name?: string; namespace?: string }[];
  if (networks.some((item) => item.name === multusNetwork.name)) return existing;
  return JSON.stringify([...networks, multusNetwork]);
}
