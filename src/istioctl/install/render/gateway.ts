import { flagAt, isTree, listAt, type Tree, textAt, treeAt, valueAt } from "../merge.ts";
import { autoscaling, placement, rollout } from "./autoscaling.ts";
import {
  environment,
  fromField,
  type InstallContext,
  imagePullSecrets,
  type Manifest,
  pullSettings,
} from "./manifest.ts";
import { gatewayRules, grant } from "./rbac.ts";

type Labels = Record<string, string>;

/**
 * A gateway: a deployment of the proxy as router, its service and account.
 * `component` is its entry of `components.ingressGateways` or `egressGateways`; unknown names start from `fallback`'s values.
 */
export function renderGateway(context: InstallContext, component: Tree, fallback: string): Manifest[] {
  const name = textAt(component, "name");
  const gateways = treeAt(context.values, "gateways");
  const settings: Tree = { ...treeAt(gateways, fallback), ...treeAt(gateways, name) };
  const namespace = textAt(component, "namespace") || context.namespace;
  const scope = { ...context, namespace };
  const labels: Labels = {
    ...context.labels,
    ...textValues({ ...treeAt(settings, "labels"), ...treeAt(component, "label") }),
  };
  const selector = { app: labels["app"] ?? name, istio: labels["istio"] ?? name };
  const account = { name: `${name}-service-account`, namespace };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { ...account, labels } },
    ...grant({ name: `${name}-sds`, labels, rules: gatewayRules, account, namespace }),
    deployment(scope, name, settings, labels, selector),
    service(scope, name, settings, labels, selector),
    ...autoscaling(scope, { name, labels, selector, settings }),
  ];
}

function service(context: InstallContext, name: string, settings: Tree, labels: Labels, selector: Labels): Manifest {
  const annotations = treeAt(settings, "serviceAnnotations");
  const address = textAt(settings, "loadBalancerIP");
  const policy = textAt(settings, "externalTrafficPolicy");
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace: context.namespace,
      labels,
      ...(Object.keys(annotations).length > 0 ? { annotations: textValues(annotations) } : {}),
    },
    spec: {
      type: textAt(settings, "type") || "LoadBalancer",
      selector,
      ports: listAt(settings, "ports"),
      ...(address ? { loadBalancerIP: address } : {}),
      ...(policy ? { externalTrafficPolicy: policy } : {}),
    },
  };
}

function deployment(context: InstallContext, name: string, settings: Tree, labels: Labels, selector: Labels): Manifest {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: context.namespace, labels },
    spec: {
      ...(flagAt(settings, "autoscaleEnabled") ? {} : { replicas: valueAt(settings, "replicaCount") ?? 1 }),
      strategy: rollout(settings),
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: {
            ...labels,
            "service.istio.io/canonical-name": name,
            "service.istio.io/canonical-revision": "latest",
            "sidecar.istio.io/inject": "false",
          },
          annotations: {
            "istio.io/rev": context.revision,
            "prometheus.io/path": "/stats/prometheus",
            "prometheus.io/port": "15020",
            "prometheus.io/scrape": "true",
            "sidecar.istio.io/inject": "false",
            ...treeAt(settings, "podAnnotations"),
          },
        },
        spec: {
          serviceAccountName: `${name}-service-account`,
          securityContext: { runAsUser: 1337, runAsGroup: 1337, runAsNonRoot: true, fsGroup: 1337 },
          ...imagePullSecrets(context),
          ...placement(settings),
          containers: [proxyContainer(context, name, settings)],
          volumes: volumes(settings),
        },
      },
    },
  };
}

function proxyContainer(context: InstallContext, name: string, settings: Tree): object {
  const { values, namespace } = context;
  const global = treeAt(values, "global");
  const clusterName = textAt(global, "multiCluster", "clusterName") || "Kubernetes";
  const network = textAt(global, "network");
  const ports = listAt(settings, "ports").filter(isTree);
  return {
    name: "istio-proxy",
    image: context.image(textAt(global, "proxy", "image") || "proxyv2"),
    ...pullSettings(context),
    args: [
      "proxy",
      "router",
      "--domain",
      "$(POD_NAMESPACE).svc.cluster.local",
      `--proxyLogLevel=${textAt(global, "proxy", "logLevel") || "warning"}`,
      `--proxyComponentLogLevel=${textAt(global, "proxy", "componentLogLevel") || "misc:error"}`,
      `--log_output_level=${textAt(global, "logging", "level") || "default:info"}`,
    ],
    ports: [
      ...ports.map((port) => ({
        containerPort: valueAt(port, "targetPort") ?? valueAt(port, "port"),
        protocol: "TCP",
      })),
      { containerPort: 15090, protocol: "TCP", name: "http-envoy-prom" },
    ],
    readinessProbe: {
      httpGet: { path: "/healthz/ready", port: 15021, scheme: "HTTP" },
      initialDelaySeconds: 1,
      periodSeconds: 2,
      timeoutSeconds: 1,
      successThreshold: 1,
      failureThreshold: 30,
    },
    resources: treeAt(settings, "resources"),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      privileged: false,
      readOnlyRootFilesystem: true,
    },
    env: [
      { name: "PILOT_CERT_PROVIDER", value: textAt(global, "pilotCertProvider") || "istiod" },
      {
        name: "CA_ADDR",
        value: textAt(global, "caAddress") || `istiod${context.revisionSuffix}.istio-system.svc:15012`,
      },
      fromField("NODE_NAME", "spec.nodeName"),
      fromField("POD_NAME", "metadata.name"),
      fromField("POD_NAMESPACE", "metadata.namespace"),
      fromField("INSTANCE_IP", "status.podIP"),
      fromField("HOST_IP", "status.hostIP"),
      { name: "ISTIO_CPU_LIMIT", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1" } } },
      fromField("SERVICE_ACCOUNT", "spec.serviceAccountName"),
      { name: "ISTIO_META_WORKLOAD_NAME", value: name },
      { name: "ISTIO_META_OWNER", value: `kubernetes://apis/apps/v1/namespaces/${namespace}/deployments/${name}` },
      { name: "ISTIO_META_MESH_ID", value: textAt(global, "meshID") || "cluster.local" },
      { name: "TRUST_DOMAIN", value: "cluster.local" },
      { name: "ISTIO_META_UNPRIVILEGED_POD", value: "true" },
      { name: "ISTIO_META_CLUSTER_ID", value: clusterName },
      ...(network ? [{ name: "ISTIO_META_NETWORK", value: network }] : []),
      ...environment(treeAt(settings, "env")),
    ],
    volumeMounts: [
      { name: "workload-socket", mountPath: "/var/run/secrets/workload-spiffe-uds" },
      { name: "credential-socket", mountPath: "/var/run/secrets/credential-uds" },
      { name: "workload-certs", mountPath: "/var/run/secrets/workload-spiffe-credentials" },
      { name: "istio-envoy", mountPath: "/etc/istio/proxy" },
      { name: "config-volume", mountPath: "/etc/istio/config" },
      { name: "istiod-ca-cert", mountPath: "/var/run/secrets/istio" },
      { name: "istio-token", mountPath: "/var/run/secrets/tokens", readOnly: true },
      { name: "istio-data", mountPath: "/var/lib/istio/data" },
      { name: "podinfo", mountPath: "/etc/istio/pod" },
      ...secretVolumes(settings).map(({ name, mountPath }) => ({ name, mountPath, readOnly: true })),
    ],
  };
}

function volumes(settings: Tree): object[] {
  const item = (path: string) => ({ path, fieldRef: { fieldPath: `metadata.${path}` } });
  return [
    { name: "workload-socket", emptyDir: {} },
    { name: "credential-socket", emptyDir: {} },
    { name: "workload-certs", emptyDir: {} },
    { name: "istiod-ca-cert", configMap: { name: "istio-ca-root-cert" } },
    { name: "podinfo", downwardAPI: { items: [item("labels"), item("annotations")] } },
    { name: "istio-envoy", emptyDir: {} },
    { name: "istio-data", emptyDir: {} },
    {
      name: "istio-token",
      projected: {
        sources: [{ serviceAccountToken: { audience: "istio-ca", expirationSeconds: 43_200, path: "istio-token" } }],
      },
    },
    { name: "config-volume", configMap: { name: "istio", optional: true } },
    ...secretVolumes(settings).map(({ name, secretName }) => ({ name, secret: { secretName, optional: true } })),
  ];
}

function secretVolumes(settings: Tree): { name: string; secretName: string; mountPath: string }[] {
  return listAt(settings, "secretVolumes")
    .filter(isTree)
    .map((volume) => ({
      name: textAt(volume, "name"),
      secretName: textAt(volume, "secretName"),
      mountPath: textAt(volume, "mountPath"),
    }));
}

function textValues(tree: Tree): Labels {
  const texts: Labels = {};
  for (const [key, value] of Object.entries(tree)) if (typeof value === "string") texts[key] = value;
  return texts;
}
