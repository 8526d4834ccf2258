/*
 * Fields of Istio's MeshConfig and ProxyConfig without effect here. docs/mesh-config.md has them all, with those that have one.
 */

const telemetry = "logs, metrics and traces of proxies follow Telemetry resources, which aren't read yet";
const gone = "Istio ignores it too";

/** Why each has no effect, by path. */
const unused: Readonly<Record<string, string>> = {
  proxyHttpPort:
    "sidecars open no port for HTTP proxy requests; a Sidecar's egress listener of protocol HTTP_PROXY does",
  enableTracing: telemetry,
  enableEnvoyAccessLogService: telemetry,
  disableEnvoyListenerLog: telemetry,
  defaultProviders: telemetry,
  inboundClusterStatName: "statistics have the clusters' names",
  outboundClusterStatName: "statistics have the clusters' names",
  verifyCertificateAtClient:
    "it is deprecated, and servers' certificates are checked where the policy has an authority for them",
  ca: "istiod signs certificates itself; proxies find another authority by their CA_ADDR",
  configSources: "configuration comes from the Kubernetes API",
  certificates: gone,
  thriftConfig: gone,
  serviceScopeConfigs: "it is for ambient mode",
  "defaultConfig.tracingServiceName": telemetry,
  "defaultConfig.zipkinAddress": "it is deprecated: say tracing.zipkin.address",
  "defaultConfig.customConfigFile": "the bootstrap is the agent's own; EnvoyFilters with applyTo BOOTSTRAP change it",
  "defaultConfig.proxyBootstrapTemplatePath":
    "the bootstrap is the agent's own; EnvoyFilters with applyTo BOOTSTRAP change it",
  "defaultConfig.statNameLength": gone,
  "defaultConfig.meshId": "the mesh is called by its trust domain",
  "defaultConfig.privateKeyProvider": "keys are in the proxy's memory, not in an accelerator",
  "defaultConfig.fileFlushInterval": "Envoy's default",
  "defaultConfig.fileFlushMinSizeKb": "Envoy's default",
  "defaultConfig.statsCompression": "statistics are served as they are",
  "defaultConfig.sds": gone,
};

/** Fields that are set and have no effect, each with the reason. What installs write by themselves isn't among them. */
export function unusedMeshFields(mesh: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(unused).flatMap(([path, reason]) => {
    const value = path.split(".").reduce<unknown>(fieldOf, mesh);
    if (value === undefined || value === null || value === "" || value === false) return [];
    if (path === "defaultProviders" && JSON.stringify(value) === '{"metrics":["prometheus"]}') return [];
    return [`${path}: ${reason}`];
  });
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
