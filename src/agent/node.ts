import type { PodInfo } from "./pod-info.ts";
import type { AgentSettings } from "./settings.ts";
import { version } from "./version.ts";

/** The xDS node: who this proxy is. */
export interface XdsNode {
  readonly id: string;
  readonly cluster: string;
  readonly locality: { readonly region?: string; readonly zone?: string; readonly sub_zone?: string };
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The node as Istio's agent presents it: id `sidecar~IP~POD.NAMESPACE~DOMAIN`, cluster `app.namespace`. */
export function xdsNode(settings: AgentSettings, pod: PodInfo): XdsNode {
  const fromEnv = metaFromEnv(settings.env);
  const labels = withLocality({ ...(fromEnv["LABELS"] as Record<string, string> | undefined), ...pod.labels });
  const ip = settings.instanceIps[0] ?? "127.0.0.1";
  const metadata: Record<string, unknown> = {
    // First, so that they can't stand for anything else.
    ...pod.annotations,
    CLUSTER_ID: settings.clusterId,
    ENVOY_PROMETHEUS_PORT: settings.prometheusPort,
    ENVOY_STATUS_PORT: settings.envoyStatusPort,
    ...(settings.secureMetricsPort ? { ENVOY_SECURE_METRICS_PORT: settings.secureMetricsPort } : {}),
    ...(settings.secureMergedMetricsPort ? { ENVOY_SECURE_MERGED_METRICS_PORT: settings.secureMergedMetricsPort } : {}),
    INSTANCE_IPS: settings.instanceIps.join(","),
    INTERCEPTION_MODE: settings.proxyConfig.interceptionMode ?? "REDIRECT",
    ISTIO_VERSION: version,
    MESH_ID: "cluster.local",
    NAME: settings.podName,
    NAMESPACE: settings.namespace,
    SERVICE_ACCOUNT: settings.serviceAccount,
    ...fromEnv,
    LABELS: labels,
    ANNOTATIONS: { ...(fromEnv["ANNOTATIONS"] as object | undefined), ...pod.annotations },
    PROXY_CONFIG: { discoveryAddress: settings.discovery.address, ...settings.proxyConfig },
    // Istio: tells istiod which of Envoy's clusters serve secrets.
    ...(settings.foreignSockets.credentials ? { credential: "true" } : {}),
    ...(settings.foreignSockets.workload ? { "file-credential": "true" } : {}),
    ...(settings.outlierLogPath === "" ? {} : { OUTLIER_LOG_PATH: settings.outlierLogPath }),
  };
  return {
    id: `${settings.kind}~${ip}~${settings.podName}.${settings.namespace}~${settings.domain}`,
    cluster: serviceCluster(settings, labels, metadata),
    locality: locality(labels["istio-locality"]),
    metadata,
  };
}

/** ISTIO_META_X=text is X; ISTIO_METAJSON_X=map is X, and its entries too. */
function metaFromEnv(env: AgentSettings["env"]): Record<string, unknown> {
  const metadata: Record<string, unknown> = {};
  for (const [name, value = ""] of Object.entries(env)) {
    if (name.startsWith("ISTIO_META_")) metadata[name.slice("ISTIO_META_".length)] = value;
    if (name.startsWith("ISTIO_METAJSON_")) {
      const map = jsonMap(value);
      if (map) Object.assign(metadata, map, { [name.slice("ISTIO_METAJSON_".length)]: map });
    }
  }
  return metadata;
}

function jsonMap(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function serviceCluster(
  { proxyConfig, namespace }: AgentSettings,
  labels: Readonly<Record<string, string>>,
  metadata: Readonly<Record<string, unknown>>,
): string {
  const own = proxyConfig.serviceCluster;
  if (own !== undefined && own !== "istio-proxy") return own;
  const workload = metadata["WORKLOAD_NAME"];
  return `${labels["app"] ?? (typeof workload === "string" ? workload : "istio-proxy")}.${namespace}`;
}

/** A label's value has no slashes, so the place's parts are told apart by dots; everywhere else it is slashes. */
function withLocality(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const place = labels["istio-locality"];
  return place === undefined || place.includes("/")
    ? labels
    : { ...labels, "istio-locality": place.replaceAll(".", "/") };
}

/** `region.zone.subzone`, or with slashes. */
function locality(label: string | undefined): XdsNode["locality"] {
  const [region, zone, subZone] = label?.split(/[./]/) ?? [];
  return { ...(region ? { region } : {}), ...(zone ? { zone } : {}), ...(subZone ? { sub_zone: subZone } : {}) };
}
