import { flagAt, listAt, textAt, treeAt, valueAt } from "../merge.ts";
import { autoscaling, placement, rollout } from "./autoscaling.ts";
import {
  environment,
  fromField,
  type InstallContext,
  imagePullSecrets,
  type Manifest,
  pullSettings,
} from "./manifest.ts";
import { injectorConfigMap, meshConfigMap } from "./mesh-config.ts";
import { grant, istiodClusterRules, istiodNamespaceRules, type Rule } from "./rbac.ts";
import { renderWebhooks } from "./webhooks.ts";

/** The control plane: account and rights, config maps, deployment, service, webhooks. */
export function renderIstiod(context: InstallContext): Manifest[] {
  const { namespace, revisionSuffix } = context;
  const name = `istiod${revisionSuffix}`;
  const labels = { ...context.labels, app: "istiod", istio: "pilot" };
  // The default revision's selector has stayed as it was since before revisions.
  const selector: Record<string, string> = revisionSuffix
    ? { app: "istiod", "istio.io/rev": context.revision }
    : { app: "istiod", istio: "pilot" };
  const account = { name, namespace };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace, labels } },
    ...grant({
      name: `istiod-clusterrole${revisionSuffix}-${namespace}`,
      labels,
      rules: [...istiodClusterRules, ...signerRules(context)],
      account,
    }),
    ...grant({ name, labels, rules: istiodNamespaceRules, account, namespace }),
    meshConfigMap(context),
    injectorConfigMap(context),
    ...keyAuthorities(context, labels),
    deployment(context, name, labels, selector),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace, labels, ...serviceAnnotations(context) },
      spec: {
        ports: [
          ...(hasPlainXds(context) ? [{ name: "grpc-xds", port: 15010, protocol: "TCP" }] : []),
          { name: "https-dns", port: 15012, protocol: "TCP" },
          { name: "https-webhook", port: 443, targetPort: 15017, protocol: "TCP" },
          { name: "http-monitoring", port: 15014, protocol: "TCP" },
        ],
        selector,
      },
    },
    ...autoscaling(context, { name, labels, selector, settings: treeAt(context.values, "pilot") }),
    ...renderWebhooks(context),
  ];
}

function deployment(
  context: InstallContext,
  name: string,
  labels: Record<string, string>,
  selector: Record<string, string>,
): Manifest {
  const { namespace, values } = context;
  const pilot = treeAt(values, "pilot");
  const clusterName = textAt(values, "global", "multiCluster", "clusterName") || "Kubernetes";
  const podLabels = { ...labels, ...selector, "sidecar.istio.io/inject": "false", ...treeAt(pilot, "podLabels") };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels },
    spec: {
      ...(flagAt(pilot, "autoscaleEnabled") ? {} : { replicas: valueAt(pilot, "replicaCount") ?? 1 }),
      strategy: rollout(pilot),
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: podLabels,
          annotations: {
            "prometheus.io/port": "15014",
            "prometheus.io/scrape": "true",
            "sidecar.istio.io/inject": "false",
            ...treeAt(pilot, "podAnnotations"),
          },
        },
        spec: {
          serviceAccountName: name,
          ...imagePullSecrets(context),
          ...placement(pilot),
          containers: [
            {
              name: "discovery",
              image: context.image(textAt(pilot, "image") || "pilot"),
              ...pullSettings(context),
              args: [
                "discovery",
                "--monitoringAddr=:15014",
                `--log_output_level=${textAt(values, "global", "logging", "level") || "default:info"}`,
                "--domain",
                "cluster.local",
                "--keepaliveMaxServerConnectionAge",
                textAt(pilot, "keepaliveMaxServerConnectionAge") || "30m",
                ...listAt(pilot, "extraContainerArgs"),
              ],
              ports: [
                { containerPort: 8080, name: "http-debug", protocol: "TCP" },
                ...(hasPlainXds(context) ? [{ containerPort: 15010, name: "grpc-xds", protocol: "TCP" }] : []),
                { containerPort: 15012, name: "tls-xds", protocol: "TCP" },
                { containerPort: 15017, name: "https-webhooks", protocol: "TCP" },
                { containerPort: 15014, name: "http-monitoring", protocol: "TCP" },
              ],
              readinessProbe: {
                httpGet: { path: "/ready", port: 8080 },
                initialDelaySeconds: 1,
                periodSeconds: 3,
                timeoutSeconds: 5,
              },
              env: [
                { name: "REVISION", value: context.revision },
                { name: "PILOT_CERT_PROVIDER", value: textAt(values, "global", "pilotCertProvider") || "istiod" },
                fromField("POD_NAME", "metadata.name"),
                fromField("POD_NAMESPACE", "metadata.namespace"),
                fromField("SERVICE_ACCOUNT", "spec.serviceAccountName"),
                { name: "CLUSTER_ID", value: clusterName },
                ...environment(treeAt(pilot, "env")),
              ],
              resources: treeAt(pilot, "resources"),
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                runAsNonRoot: true,
                runAsUser: 1337,
                runAsGroup: 1337,
                capabilities: { drop: ["ALL"] },
              },
              volumeMounts: [
                { name: "istio-token", mountPath: "/var/run/secrets/tokens", readOnly: true },
                { name: "local-certs", mountPath: "/var/run/secrets/istio-dns" },
                { name: "cacerts", mountPath: "/etc/cacerts", readOnly: true },
                ...(readsOtherKeys(context) ? [{ name: "extracacerts", mountPath: "/cacerts", readOnly: true }] : []),
              ],
            },
          ],
          volumes: [
            { name: "local-certs", emptyDir: { medium: "Memory" } },
            {
              name: "istio-token",
              projected: {
                sources: [
                  { serviceAccountToken: { audience: "istio-ca", expirationSeconds: 43_200, path: "istio-token" } },
                ],
              },
            },
            { name: "cacerts", secret: { secretName: "cacerts", optional: true } },
            ...(readsOtherKeys(context)
              ? [{ name: "extracacerts", configMap: { name: keyAuthoritiesName(context) } }]
              : []),
          ],
        },
      },
    },
  };
}

/** What istiod needs to have workloads' certificates signed by others: `pilot.env.EXTERNAL_CA`, `global.certSigners`. */
function signerRules({ values }: InstallContext): readonly Rule[] {
  const env = treeAt(values, "pilot", "env");
  const named = listAt(treeAt(values, "global"), "certSigners").map(String);
  const usual = textAt(env, "K8S_SIGNER");
  const domain = textAt(env, "CERT_SIGNER_DOMAIN");
  const signers = [...named, ...(usual ? [usual] : []), ...(domain ? [`${domain}/*`] : [])];
  if (!textAt(env, "EXTERNAL_CA") && named.length === 0) return [];
  const apiGroups = ["certificates.k8s.io"];
  return [
    { apiGroups, resources: ["certificatesigningrequests"], verbs: ["create", "get", "delete", "watch", "list"] },
    { apiGroups, resources: ["certificatesigningrequests/approval"], verbs: ["update"] },
    { apiGroups, resources: ["signers"], resourceNames: signers, verbs: ["approve"] },
  ];
}

/** Whether `pilot.jwksResolverExtraRootCA` names whom istiod believes, besides the system's, where it reads keys of tokens. */
function readsOtherKeys({ values }: InstallContext): boolean {
  return textAt(values, "pilot", "jwksResolverExtraRootCA") !== "";
}

function keyAuthoritiesName({ revisionSuffix }: InstallContext): string {
  return `pilot-jwks-extra-cacerts${revisionSuffix}`;
}

function keyAuthorities(context: InstallContext, labels: Record<string, string>): Manifest[] {
  const { namespace, values } = context;
  if (!readsOtherKeys(context)) return [];
  return [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: keyAuthoritiesName(context), namespace, labels },
      data: { "extra.pem": textAt(values, "pilot", "jwksResolverExtraRootCA") },
    },
  ];
}

/** False where `pilot.extraContainerArgs` has `--grpcAddr=`: no port without TLS. */
function hasPlainXds({ values }: InstallContext): boolean {
  return !listAt(treeAt(values, "pilot"), "extraContainerArgs").includes("--grpcAddr=");
}

function serviceAnnotations(context: InstallContext): object {
  const annotations = treeAt(context.values, "pilot", "serviceAnnotations");
  return Object.keys(annotations).length > 0 ? { annotations } : {};
}
