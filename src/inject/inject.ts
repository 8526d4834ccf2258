import type { ProxyConfigResource } from "#api/istio/proxy-config.ts";
import { annotationErrors } from "./annotation-validation.ts";
import { rewriteAppProbes } from "./app-probes.ts";
import { orderContainers } from "./container-order.ts";
import { adjustCaptureUser, applyOverrides, moveProxyToInit, withRecordedOverrides } from "./container-overrides.ts";
import { createContext, type InjectContext, type InjectEnvironment } from "./context.ts";
import { gatewayTemplate } from "./gateway-template.ts";
import { type InjectionStatus, readStatus, statusOf } from "./injection-status.ts";
import type { InjectMeshConfig } from "./mesh.ts";
import { isNativeSidecar } from "./native-sidecar.ts";
import { type Workload, workloadOf } from "./owner.ts";
import { findProxy, type InjectablePod, type PodOverlay } from "./pod.ts";
import { mergePrometheus, scrapesAgent, withoutPrometheus } from "./prometheus-merge.ts";
import { holdsApplication } from "./proxy-container.ts";
import { reasonNotToInject } from "./should-inject.ts";
import { sidecarTemplate } from "./sidecar-template.ts";
import { strategicMerge } from "./strategic-merge.ts";
import type { InjectValues } from "./values.ts";

/** What the control plane, or the user of `kube-inject`, has set: the same for every pod. */
export interface InjectSettings {
  /** Install values over the defaults: `completeInjectValues`. */
  readonly values: InjectValues;
  /** ConfigMap `istio`, key `mesh`, parsed. */
  readonly mesh: InjectMeshConfig;
  /** The resources of kind ProxyConfig, of all namespaces, oldest first. */
  readonly proxyConfigs?: readonly ProxyConfigResource[];
  /** JSON that goes on top of a pod's bootstrap, if anything does. */
  readonly bootstrapPatch?: (namespace: string, labels: Readonly<Record<string, string>>) => string | undefined;
  /** istiod's revision; `default` without one. */
  readonly revision: string;
  readonly environment: InjectEnvironment;
  /** `status.nodeInfo.kubeletVersion` of the cluster's nodes. */
  readonly kubeletVersions: readonly string[];
}

/** A pod, and everything that decides how it is injected. */
export interface InjectInput extends InjectSettings {
  /** Not changed. A pod template does as well. */
  readonly pod: InjectablePod;
  /** Namespace the pod is made in; a pod's own comes first. */
  readonly namespace: string;
  /** The workload, where it is known (`kube-inject`); else the pod's controlling owner says it. */
  readonly workload?: Workload;
  /** Proxy environment from the webhook's path, such as ISTIO_META_CLUSTER_ID. */
  readonly proxyEnv?: Readonly<Record<string, string>>;
}

/** Injected, left alone with a reason in words ("has host networking enabled"), or refused: the input is wrong. */
export type InjectOutput =
  | { readonly kind: "injected"; readonly pod: InjectablePod }
  | { readonly kind: "skipped"; readonly reason: string }
  | { readonly kind: "refused"; readonly message: string };

/** Injects the proxy into a pod: the one function behind the webhook and `istioctl kube-inject`. Pure. */
export function injectPod(input: InjectInput): InjectOutput {
  const namespace = input.pod.metadata?.namespace || input.namespace;
  const reason = reasonNotToInject(input.pod, namespace, input.values);
  if (reason !== undefined) return { kind: "skipped", reason };
  const errors = annotationErrors(input.pod.metadata?.annotations ?? {});
  if (errors.length > 0) return { kind: "refused", message: errors.join("; ") };
  try {
    return { kind: "injected", pod: inject(input, namespace) };
  } catch (error) {
    return { kind: "refused", message: (error as Error).message };
  }
}

function inject(input: InjectInput, namespace: string): InjectablePod {
  const original = structuredClone(input.pod);
  const annotations = original.metadata?.annotations ?? {};
  const previous = readStatus(annotations);
  const agentPort = input.mesh.defaultConfig?.statusPort ?? 15020;
  const names = network(input, original);
  const context = createContext({
    pod: withRecordedOverrides(previous ? withoutInjected(original, previous, agentPort) : original),
    workload: input.workload ?? workloadOf(original, namespace),
    values: input.values,
    mesh: input.mesh,
    proxyConfigs: input.proxyConfigs ?? [],
    bootstrapPatch: input.bootstrapPatch?.(namespace, original.metadata?.labels ?? {}),
    namespace,
    revision: input.revision,
    native: isNativeSidecar(
      annotations["sidecar.istio.io/nativeSidecar"],
      input.environment.enableNativeSidecars,
      input.kubeletVersions,
    ),
    environment: input.environment,
  });
  const overlay = template(context);
  const nativeProxy = overlay.spec.initContainers?.some((item) => item.name === "istio-proxy") ?? false;
  const base = nativeProxy ? moveProxyToInit(original) : original;
  const pod = structuredClone(applyOverrides(strategicMerge(base, overlay), original, overlay, previous));
  adjustCaptureUser(pod, original, context.interceptionMode === "TPROXY");

  setClusterEnv(pod, names);
  mergePrometheus(pod, agentPort, input.mesh.enablePrometheusMerge ?? true);
  if (rewritesProbes(context)) {
    const own = Number(context.annotations["status.sidecar.istio.io/port"] ?? agentPort);
    rewriteAppProbes(pod, own, previous !== undefined);
  }
  const meta = (pod.metadata ??= {});
  const networkName = names["ISTIO_META_NETWORK"];
  if (networkName !== undefined) meta.labels = { ...meta.labels, "topology.istio.io/network": networkName };
  meta.annotations = {
    ...meta.annotations,
    "sidecar.istio.io/status": JSON.stringify(statusOf(overlay, input.revision)),
    ...input.values.sidecarInjectorWebhook.injectedAnnotations,
  };
  orderContainers(pod, holdsApplication(context));
  return pod;
}

/** The templates a pod asks for, `sidecar` without a word. Throws for one that doesn't exist here. */
function template(context: InjectContext): PodOverlay {
  const asked = context.annotations["inject.istio.io/templates"];
  const defaults = context.values.sidecarInjectorWebhook.defaultTemplates;
  const names = asked?.split(",").map((name) => name.trim()) ?? (defaults.length > 0 ? defaults : ["sidecar"]);
  const overlays = names.map((name) => {
    if (name === "sidecar") return sidecarTemplate(context);
    if (name === "gateway") return gatewayTemplate(context);
    throw new Error(
      `inject.istio.io/templates: template '${name}' is not supported; there are sidecar and gateway` +
        (name.startsWith("grpc") ? " (proxyless gRPC needs an agent without Envoy)" : ""),
    );
  });
  return overlays.reduce((merged, overlay) => strategicMerge(merged, overlay));
}

/** The pod without what an earlier injection added, as the container builders must see it. */
function withoutInjected(pod: InjectablePod, previous: InjectionStatus, agentPort: number): InjectablePod {
  const annotations = pod.metadata?.annotations ?? {};
  const { "sidecar.istio.io/status": _, ...rest } = annotations;
  const spec = pod.spec ?? { containers: [] };
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: scrapesAgent(rest, agentPort) ? withoutPrometheus(rest) : rest },
    spec: {
      ...spec,
      containers: spec.containers.filter((item) => !previous.containers?.includes(item.name)),
      initContainers: (spec.initContainers ?? []).filter((item) => !previous.initContainers?.includes(item.name)),
    },
  };
}

/** Cluster and network of the pod: a label, the webhook's path, the values; in this order. */
function network(input: InjectInput, pod: InjectablePod): Record<string, string> {
  const { multiCluster, network } = input.values.global;
  const fromPath = input.proxyEnv ?? {};
  const cluster = fromPath["ISTIO_META_CLUSTER_ID"] || multiCluster.clusterName;
  const name = pod.metadata?.labels?.["topology.istio.io/network"] ?? (fromPath["ISTIO_META_NETWORK"] || network);
  return {
    ...fromPath,
    ...(cluster ? { ISTIO_META_CLUSTER_ID: cluster } : {}),
    ...(name ? { ISTIO_META_NETWORK: name } : {}),
  };
}

function setClusterEnv(pod: InjectablePod, names: Readonly<Record<string, string>>): void {
  const proxy = pod.spec && findProxy(pod.spec);
  if (!proxy) return;
  const kept = (proxy.env ?? []).filter((item) => !(item.name in names));
  const added = Object.keys(names)
    .sort()
    .map((name) => ({ name, value: names[name] ?? "" }));
  proxy.env = [...kept, ...added];
}

function rewritesProbes(context: InjectContext): boolean {
  const own = context.annotations["sidecar.istio.io/rewriteAppHTTPProbers"];
  return own === undefined ? context.values.sidecarInjectorWebhook.rewriteAppHTTPProbe : /^(1|t|true)$/i.test(own);
}
