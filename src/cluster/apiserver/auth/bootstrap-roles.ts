import type { PolicyRule } from "kubernetes-types/rbac/v1.d.ts";
import { type Obj } from "../object.ts";

const read = ["get", "list", "watch"];
const write = ["create", "delete", "deletecollection", "patch", "update"];

function rule(groups: string, resources: string, verbs: readonly string[]): PolicyRule {
  return {
    apiGroups: groups.split(" ").map((group) => (group === "core" ? "" : group)),
    resources: resources.split(" "),
    verbs: [...verbs],
  };
}

const workloads =
  "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status";
const coreRead =
  "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status bindings events limitranges namespaces namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status";

const view: PolicyRule[] = [
  rule("core", coreRead, read),
  rule("discovery.k8s.io", "endpointslices", read),
  rule("apps", workloads, read),
  rule("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", read),
  rule("batch", "cronjobs cronjobs/status jobs jobs/status", read),
  rule("policy", "poddisruptionbudgets poddisruptionbudgets/status", read),
  rule("networking.k8s.io", "ingresses ingresses/status networkpolicies", read),
];

const edit: PolicyRule[] = [
  rule("core", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy", read),
  rule("core", "serviceaccounts", ["impersonate"]),
  rule("core", "pods pods/attach pods/exec pods/portforward pods/proxy", write),
  rule("core", "pods/eviction", ["create"]),
  rule(
    "core",
    "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy",
    write,
  ),
  rule("core", "serviceaccounts/token", ["create"]),
  rule(
    "apps",
    "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale",
    write,
  ),
  rule("autoscaling", "horizontalpodautoscalers", write),
  rule("batch", "cronjobs jobs", write),
  rule("policy", "poddisruptionbudgets", write),
  rule("networking.k8s.io", "ingresses networkpolicies", write),
  rule("coordination.k8s.io", "leases", [...read, ...write]),
];

const admin: PolicyRule[] = [
  rule("authorization.k8s.io", "localsubjectaccessreviews", ["create"]),
  rule("rbac.authorization.k8s.io", "rolebindings roles", [...read, ...write]),
];

const discoveryPaths = [
  "/api",
  "/api/*",
  "/apis",
  "/apis/*",
  "/healthz",
  "/livez",
  "/openapi",
  "/openapi/*",
  "/readyz",
  "/version",
  "/version/",
];
const publicPaths = ["/healthz", "/livez", "/readyz", "/version", "/version/"];

const labels = { "kubernetes.io/bootstrapping": "rbac-defaults" };
const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "true" };
const group = "rbac.authorization.k8s.io";

function clusterRole(
  name: string,
  rules: PolicyRule[],
  more: { labels?: Record<string, string>; aggregate?: string } = {},
): Obj {
  return {
    apiVersion: `${group}/v1`,
    kind: "ClusterRole",
    metadata: { name, labels: { ...labels, ...more.labels }, annotations },
    rules,
    ...(more.aggregate
      ? {
          aggregationRule: {
            clusterRoleSelectors: [
              { matchLabels: { [`rbac.authorization.k8s.io/aggregate-to-${more.aggregate}`]: "true" } },
            ],
          },
        }
      : {}),
  };
}

function binding(name: string, role: string, groups: readonly string[]): Obj {
  return {
    apiVersion: `${group}/v1`,
    kind: "ClusterRoleBinding",
    metadata: { name, labels, annotations },
    roleRef: { apiGroup: group, kind: "ClusterRole", name: role },
    subjects: groups.map((subject) => ({ apiGroup: group, kind: "Group", name: subject })),
  };
}

const aggregate = (to: string): Record<string, string> => ({
  [`rbac.authorization.k8s.io/aggregate-to-${to}`]: "true",
});

/** The roles and bindings that every Kubernetes cluster starts with, as far as people use them. */
export const bootstrapRoles: readonly Obj[] = [
  clusterRole("cluster-admin", [
    { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
    { nonResourceURLs: ["*"], verbs: ["*"] },
  ]),
  clusterRole("admin", [], { aggregate: "admin" }),
  clusterRole("edit", [], { aggregate: "edit", labels: aggregate("admin") }),
  clusterRole("view", [], { aggregate: "view", labels: aggregate("edit") }),
  clusterRole("system:aggregate-to-admin", admin, { labels: aggregate("admin") }),
  clusterRole("system:aggregate-to-edit", edit, { labels: { ...aggregate("edit"), ...aggregate("admin") } }),
  clusterRole("system:aggregate-to-view", view, {
    labels: { ...aggregate("view"), ...aggregate("edit"), ...aggregate("admin") },
  }),
  clusterRole("system:discovery", [{ nonResourceURLs: discoveryPaths, verbs: ["get"] }]),
  clusterRole("system:public-info-viewer", [{ nonResourceURLs: publicPaths, verbs: ["get"] }]),
  clusterRole("system:basic-user", [
    rule("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", ["create"]),
    rule("authentication.k8s.io", "selfsubjectreviews", ["create"]),
  ]),
  clusterRole("system:auth-delegator", [
    rule("authentication.k8s.io", "tokenreviews", ["create"]),
    rule("authorization.k8s.io", "subjectaccessreviews", ["create"]),
  ]),
  clusterRole("system:service-account-issuer-discovery", [
    {
      nonResourceURLs: [
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/",
        "/openid/v1/jwks",
        "/openid/v1/jwks/",
      ],
      verbs: ["get"],
    },
  ]),
  binding("cluster-admin", "cluster-admin", ["system:masters"]),
  binding("system:discovery", "system:discovery", ["system:authenticated"]),
  binding("system:basic-user", "system:basic-user", ["system:authenticated"]),
  binding("system:public-info-viewer", "system:public-info-viewer", ["system:authenticated", "system:unauthenticated"]),
  binding("system:service-account-issuer-discovery", "system:service-account-issuer-discovery", [
    "system:serviceaccounts",
  ]),
];
