import type { PodSpec } from "kubernetes-types/core/v1.d.ts";
import type { ProxyConfigResource } from "#api/istio/proxy-config.ts";
import { effectiveProxyConfig } from "./effective-proxy-config.ts";
import type { InjectMeshConfig, ProxyConfig } from "./mesh.ts";
import type { Workload } from "./owner.ts";
import type { InjectablePod } from "./pod.ts";
import type { InjectValues } from "./values.ts";

/** Settings of the control plane's environment that injection heeds. */
export interface InjectEnvironment {
  /** `true`, `false`, or `auto`: when every node is 1.33 or later. Istio: ENABLE_NATIVE_SIDECARS. */
  readonly enableNativeSidecars?: string;
  /** Istio: COMPLIANCE_POLICY, such as `fips-140-3`. */
  readonly compliancePolicy?: string;
}

/** Everything the container builders read about one pod. The pod here is without what an earlier injection added. */
export interface InjectContext {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  readonly workload: Workload;
  readonly values: InjectValues;
  readonly mesh: InjectMeshConfig;
  readonly proxyConfig: ProxyConfig;
  /** JSON for Envoy to merge into its bootstrap. */
  readonly bootstrapPatch: string | undefined;
  readonly revision: string;
  readonly native: boolean;
  readonly interceptionMode: string;
  readonly trustDomain: string;
  readonly compliancePolicy: string;
}

export interface ContextFacts {
  readonly pod: InjectablePod;
  readonly workload: Workload;
  readonly values: InjectValues;
  readonly mesh: InjectMeshConfig;
  readonly proxyConfigs: readonly ProxyConfigResource[];
  readonly bootstrapPatch?: string | undefined;
  readonly namespace: string;
  readonly revision: string;
  readonly native: boolean;
  readonly environment: InjectEnvironment;
}

/** Throws when the pod's `proxy.istio.io/config` can't be read. */
export function createContext(facts: ContextFacts): InjectContext {
  const annotations = facts.pod.metadata?.annotations ?? {};
  const { mesh, values } = facts;
  const proxyConfig = effectiveProxyConfig({
    mesh,
    rootNamespace: mesh.rootNamespace ?? values.global.istioNamespace,
    resources: facts.proxyConfigs,
    namespace: facts.namespace,
    labels: facts.pod.metadata?.labels ?? {},
    annotation: annotations["proxy.istio.io/config"],
  });
  return {
    labels: facts.pod.metadata?.labels ?? {},
    annotations,
    spec: facts.pod.spec ?? { containers: [] },
    workload: facts.workload,
    values: facts.values,
    mesh: facts.mesh,
    proxyConfig,
    bootstrapPatch: facts.bootstrapPatch,
    revision: facts.revision,
    native: facts.native,
    interceptionMode: annotations["sidecar.istio.io/interceptionMode"] ?? proxyConfig.interceptionMode ?? "REDIRECT",
    trustDomain: facts.mesh.trustDomain ?? facts.values.global.trustDomain ?? "cluster.local",
    compliancePolicy: facts.environment.compliancePolicy ?? "",
  };
}

/** The pod's annotation, or the install's value, as text. */
export function annotationOr(context: InjectContext, name: string, fallback: unknown): string {
  const own = context.annotations[name];
  if (own !== undefined) return own;
  return typeof fallback === "string" || typeof fallback === "number" || typeof fallback === "boolean"
    ? `${fallback}`
    : "";
}

/** The agent's port as text: `0` switches its probes off. */
export function statusPort(context: InjectContext): string {
  return annotationOr(context, "status.sidecar.istio.io/port", context.values.global.proxy.statusPort);
}
