import { parseMap } from "./parse-map.ts";

/** Istio's ProxyConfig in its JSON form; only what injection reads is named. */
export interface ProxyConfig {
  readonly discoveryAddress?: string;
  readonly interceptionMode?: string;
  readonly statusPort?: number;
  readonly concurrency?: number;
  readonly holdApplicationUntilProxyStarts?: boolean;
  readonly proxyMetadata?: Readonly<Record<string, string | number | boolean>>;
  readonly image?: { readonly imageType?: string };
  readonly [field: string]: unknown;
}

/** Istio's MeshConfig in its JSON form, as in ConfigMap `istio`; only what injection reads is named. */
export interface InjectMeshConfig {
  readonly rootNamespace?: string;
  readonly trustDomain?: string;
  readonly proxyListenPort?: number;
  readonly enablePrometheusMerge?: boolean;
  readonly inboundTrafficPolicy?: { readonly mode?: string };
  readonly defaultConfig?: ProxyConfig;
  readonly [field: string]: unknown;
}

/** Mesh config from its YAML text, as in ConfigMap `istio`, key `mesh`. Throws when it is no YAML map. */
export function parseMeshConfig(text: string): InjectMeshConfig {
  return parseMap(text, "mesh config");
}

/** What Istio takes for granted: such fields need not travel in PROXY_CONFIG. */
const proxyDefaults: ProxyConfig = {
  configPath: "./etc/istio/proxy",
  binaryPath: "/usr/local/bin/envoy",
  serviceCluster: "istio-proxy",
  drainDuration: "45s",
  terminationDrainDuration: "5s",
  proxyAdminPort: 15000,
  controlPlaneAuthPolicy: "MUTUAL_TLS",
  discoveryAddress: "istiod.istio-system.svc:15012",
  statNameLength: 189,
  statusPort: 15020,
  interceptionMode: "REDIRECT",
};

/** What of the config differs from the defaults: the JSON that the agent gets. */
export function proxyConfigDifferences(config: ProxyConfig): ProxyConfig {
  return Object.fromEntries(
    Object.entries(config).filter(
      ([field, value]) =>
        value !== undefined && value !== null && proxyDefaults[field] !== value && !isEmptyMetadata(field, value),
    ),
  );
}

function isEmptyMetadata(field: string, value: unknown): boolean {
  return field === "proxyMetadata" && Object.keys(value as object).length === 0;
}
