import type { Container, EnvVar } from "kubernetes-types/core/v1.d.ts";
import type { InjectContext } from "./context.ts";
import { proxyConfigDifferences } from "./mesh.ts";
import { proxyContainerName } from "./pod.ts";

const fromField = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const fromLimit = (name: string, resource: string): EnvVar => ({
  name,
  valueFrom: { resourceFieldRef: { divisor: "1", resource } },
});

/** `router` is a gateway that is injected, `kube-gateway` one that is deployed for a Gateway. */
type ProxyKind = "sidecar" | "router" | "kube-gateway";

/** What the agent learns from its environment, in Istio's order and names. */
export function proxyEnv(context: InjectContext, kind: ProxyKind): EnvVar[] {
  const { values, workload } = context;
  const apps = context.spec.containers.filter((item) => item.name !== proxyContainerName).map((item) => item.name);
  const memory = fromLimit("GOMEMLIMIT", "limits.memory");
  const appContainers = { name: "ISTIO_META_APP_CONTAINERS", value: apps.join(",") };
  return [
    ...(kind === "sidecar" && context.mesh.inboundTrafficPolicy?.mode === "LOCALHOST"
      ? [{ name: "REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION", value: "true" }]
      : []),
    { name: "PILOT_CERT_PROVIDER", value: values.global.pilotCertProvider },
    { name: "CA_ADDR", value: values.global.caAddress || controlPlaneAddress(context) },
    fromField("POD_NAME", "metadata.name"),
    fromField("POD_NAMESPACE", "metadata.namespace"),
    fromField("INSTANCE_IP", "status.podIP"),
    fromField("SERVICE_ACCOUNT", "spec.serviceAccountName"),
    fromField("HOST_IP", "status.hostIP"),
    fromLimit("ISTIO_CPU_LIMIT", "limits.cpu"),
    { name: "PROXY_CONFIG", value: `${JSON.stringify(proxyConfigDifferences(context.proxyConfig))}\n` },
    { name: "ISTIO_META_POD_PORTS", value: podPorts(context.spec.containers) },
    ...(kind === "router" ? [memory, appContainers] : [appContainers, memory]),
    ...(context.compliancePolicy === "" ? [] : compliance(context.compliancePolicy)),
    { name: "ISTIO_META_CLUSTER_ID", value: values.global.multiCluster.clusterName || "Kubernetes" },
    fromField("ISTIO_META_NODE_NAME", "spec.nodeName"),
    { name: "ISTIO_META_INTERCEPTION_MODE", value: context.interceptionMode },
    ...(values.global.network ? [{ name: "ISTIO_META_NETWORK", value: values.global.network }] : []),
    ...(workload.name
      ? [
          {
            name: "ISTIO_META_WORKLOAD_NAME",
            value: context.labels["service.istio.io/workload-name"] || workload.name,
          },
          { name: "ISTIO_META_OWNER", value: ownerUrl(context) },
        ]
      : []),
    ...(context.annotations["sidecar.istio.io/bootstrapOverride"] === undefined
      ? []
      : [{ name: "ISTIO_BOOTSTRAP_OVERRIDE", value: "/etc/istio/custom-bootstrap/custom_bootstrap.json" }]),
    ...(context.bootstrapPatch === undefined
      ? []
      : // Kubernetes would put the values of variables in.
        [{ name: "WEFT_BOOTSTRAP_PATCH", value: context.bootstrapPatch.replaceAll("$(", () => "$$(") }]),
    { name: "ISTIO_META_MESH_ID", value: values.global.meshID || context.trustDomain },
    { name: "TRUST_DOMAIN", value: context.trustDomain },
    ...Object.entries(context.proxyConfig.proxyMetadata ?? {}).map(([name, value]) => ({ name, value: String(value) })),
  ];
}

function compliance(policy: string): EnvVar[] {
  const name = "COMPLIANCE_POLICY";
  return [{ name, value: policy }, ...(policy === "fips-140-3" ? [{ name: "GODEBUG", value: "fips140=only" }] : [])];
}

/** istiod as its pods reach it; with a revision its Service carries the revision's name. */
function controlPlaneAddress({ values }: InjectContext): string {
  const suffix = values.revision === "" || values.revision === "default" ? "" : `-${values.revision}`;
  return `istiod${suffix}.${values.global.istioNamespace}.svc:15012`;
}

function ownerUrl({ workload }: InjectContext): string {
  const { apiVersion, kind, name, namespace } = workload;
  return `kubernetes://apis/${apiVersion}/namespaces/${namespace || "default"}/${kind.toLowerCase()}s/${name}`;
}

/** A JSON list of the pod's container ports. */
function podPorts(containers: readonly Container[]): string {
  const ports = containers.flatMap((item) => item.ports ?? []).map((port) => JSON.stringify(port));
  return `[\n${ports.map((port, index) => `    ${index === 0 ? "" : ","}${port}\n`).join("")}]`;
}
