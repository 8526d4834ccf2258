import type { Manifest } from "./manifest.ts";

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const read = ["get", "watch", "list"];
const write = ["get", "watch", "list", "create", "update", "patch", "delete"];
const gatewayApiGroups = ["gateway.networking.k8s.io", "gateway.networking.x-k8s.io"];
const istioGroups = ["networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io"];

/** What istiod may do in the whole cluster: read workloads and config, keep webhooks, write status, review tokens. */
export const istiodClusterRules: readonly Rule[] = [
  {
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
    verbs: ["get", "list", "watch", "update", "patch"],
  },
  { apiGroups: istioGroups, resources: ["*"], verbs: read },
  { apiGroups: istioGroups, resources: ["*/status"], verbs: ["get", "update", "patch"] },
  { apiGroups: ["networking.istio.io"], resources: ["workloadentries", "workloadentries/status"], verbs: write },
  { apiGroups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions"], verbs: read },
  {
    apiGroups: [""],
    resources: ["pods", "nodes", "services", "namespaces", "endpoints", "serviceaccounts"],
    verbs: read,
  },
  { apiGroups: [""], resources: ["configmaps"], verbs: write },
  { apiGroups: [""], resources: ["secrets"], verbs: read },
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: read },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses", "ingressclasses"], verbs: read },
  { apiGroups: ["networking.k8s.io"], resources: ["ingresses/status"], verbs: ["*"] },
  { apiGroups: gatewayApiGroups, resources: ["*"], verbs: ["get", "watch", "list", "update", "patch"] },
  { apiGroups: ["gateway.networking.k8s.io"], resources: ["gatewayclasses"], verbs: ["create"] },
  // What istiod deploys for Gateways.
  { apiGroups: ["apps"], resources: ["deployments"], verbs: write },
  { apiGroups: [""], resources: ["services", "serviceaccounts"], verbs: write },
  { apiGroups: ["autoscaling"], resources: ["horizontalpodautoscalers"], verbs: write },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: write },
  { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
  { apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"], verbs: ["create"] },
];

/** What istiod may do in its own namespace: keep its certificate authority and elect a leader. */
export const istiodNamespaceRules: readonly Rule[] = [
  { apiGroups: [""], resources: ["secrets"], verbs: write },
  { apiGroups: [""], resources: ["configmaps"], verbs: ["delete"] },
  // A dry run of an invalid Gateway shows whether the API server reaches the validating webhook.
  { apiGroups: ["networking.istio.io"], resources: ["gateways"], verbs: ["create"] },
  { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["get", "update", "patch", "create"] },
];

/** A gateway reads the TLS secrets of its own namespace. */
export const gatewayRules: readonly Rule[] = [{ apiGroups: [""], resources: ["secrets"], verbs: read }];

interface Grant {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly rules: readonly Rule[];
  readonly account: { readonly name: string; readonly namespace: string };
  /** Absent: the whole cluster. */
  readonly namespace?: string;
}

/** A role and the binding that gives it to a service account. */
export function grant({ name, labels, rules, account, namespace }: Grant): Manifest[] {
  const prefix = namespace ? "" : "Cluster";
  const metadata = { name, labels, ...(namespace ? { namespace } : {}) };
  const apiVersion = "rbac.authorization.k8s.io/v1";
  return [
    { apiVersion, kind: `${prefix}Role`, metadata, rules },
    {
      apiVersion,
      kind: `${prefix}RoleBinding`,
      metadata,
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: `${prefix}Role`, name },
      subjects: [{ kind: "ServiceAccount", ...account }],
    },
  ];
}
