import type { ProxyConfigResource, ProxyConfigSpec } from "#api/istio/proxy-config.ts";
import type { InjectMeshConfig, ProxyConfig } from "./mesh.ts";
import { parseMap } from "./parse-map.ts";

/** What decides the proxy config of one pod. */
export interface ProxyConfigFacts {
  readonly mesh: InjectMeshConfig;
  readonly rootNamespace: string;
  /** The kind's resources, of all namespaces, oldest first. */
  readonly resources: readonly ProxyConfigResource[];
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The pod's `proxy.istio.io/config`, YAML. */
  readonly annotation: string | undefined;
}

/**
 * The pod's proxy config. From the weakest to the strongest: the mesh's, the ProxyConfig of the root namespace, that of the pod's
 * namespace, the pod's annotation, the ProxyConfigs that select the pod. Of several the oldest counts. Environment merges by name.
 * Istio: EffectiveProxyConfig. Throws when the annotation isn't a YAML map.
 */
export function effectiveProxyConfig(facts: ProxyConfigFacts): ProxyConfig {
  const { mesh, rootNamespace, resources, namespace, labels, annotation } = facts;
  const general = (from: string): ProxyConfig =>
    settingsOf(resources.find(({ metadata, spec }) => metadata.namespace === from && !isSelective(spec))?.spec);
  const selecting = resources.filter(
    ({ metadata, spec }) => metadata.namespace === namespace && isSelective(spec) && selects(spec, labels),
  );
  return [
    general(rootNamespace),
    ...(namespace === rootNamespace ? [] : [general(namespace)]),
    ...(annotation === undefined ? [] : [parseMap(annotation, "annotation proxy.istio.io/config")]),
    ...selecting.toReversed().map(({ spec }) => settingsOf(spec)),
  ].reduce<ProxyConfig>(over, mesh.defaultConfig ?? {});
}

function isSelective({ selector }: ProxyConfigSpec): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length > 0;
}

function selects({ selector }: ProxyConfigSpec, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}

function settingsOf({ concurrency, environmentVariables, image }: ProxyConfigSpec = {}): ProxyConfig {
  return {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(image ? { image } : {}),
    ...(environmentVariables ? { proxyMetadata: environmentVariables } : {}),
  };
}

function over(base: ProxyConfig, config: ProxyConfig): ProxyConfig {
  const names = Object.entries({ ...base.proxyMetadata, ...config.proxyMetadata });
  const proxyMetadata = Object.fromEntries(names.sort(([one], [other]) => (one < other ? -1 : 1)));
  return { ...base, ...config, ...(names.length > 0 ? { proxyMetadata } : {}) };
}
