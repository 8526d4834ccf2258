import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from "kubernetes-types/rbac/v1.d.ts";
import { matchesLabels } from "#labels/label-selector.ts";
import type { Store } from "../storage/store.ts";
import { mastersGroup, type UserInfo } from "./user.ts";

/** What somebody wants to do; either a resource or a path. */
export interface Attributes {
  readonly verb: string;
  readonly group?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
  /** Of a request that names no resource. */
  readonly path?: string;
}

export interface Authorizer {
  allows(user: UserInfo, attributes: Attributes): boolean;
  /** All rules that hold for the user in a namespace. */
  rulesFor(user: UserInfo, namespace: string): readonly PolicyRule[];
}

const rbac = "rbac.authorization.k8s.io";

function isSubject(subject: Subject, user: UserInfo, namespace: string): boolean {
  switch (subject.kind) {
    case "User":
      return subject.name === user.username;
    case "Group":
      return user.groups.includes(subject.name);
    case "ServiceAccount":
      return user.username === `system:serviceaccount:${subject.namespace ?? namespace}:${subject.name}`;
    default:
      return false;
  }
}

const covers = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes("*") || list.includes(value));

function coversPath(list: readonly string[] | undefined, path: string): boolean {
  return (
    list?.some((pattern) => pattern === path || (pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1)))) ===
    true
  );
}

function permits(rule: PolicyRule, attributes: Attributes): boolean {
  if (!covers(rule.verbs, attributes.verb)) return false;
  if (attributes.path !== undefined) return coversPath(rule.nonResourceURLs, attributes.path);
  const { resource = "", subresource = "", name = "" } = attributes;
  const full = subresource ? `${resource}/${subresource}` : resource;
  const fits =
    covers(rule.resources, full) || (subresource !== "" && rule.resources?.includes(`*/${subresource}`) === true);
  if (!fits || !covers(rule.apiGroups, attributes.group ?? "")) return false;
  return !rule.resourceNames?.length || rule.resourceNames.includes(name);
}

/** Role-based access control on the stored roles and bindings; `system:masters` may do everything. */
export function createAuthorizer(store: Pick<Store, "get" | "list">): Authorizer {
  /** A cluster role with what its aggregation rule collects. */
  function clusterRules(name: string): readonly PolicyRule[] {
    const role = store.get(`clusterroles.${rbac}`, "", name) as unknown as ClusterRole | undefined;
    const selectors = role?.aggregationRule?.clusterRoleSelectors;
    if (!selectors?.length) return role?.rules ?? [];
    const all = store.list(`clusterroles.${rbac}`) as unknown as ClusterRole[];
    const collected = all.filter((other) =>
      selectors.some((selector) => matchesLabels(selector, other.metadata?.labels)),
    );
    return [...(role?.rules ?? []), ...collected.flatMap(({ rules = [] }) => rules)];
  }

  function* rules(user: UserInfo, namespace: string): Generator<readonly PolicyRule[]> {
    for (const binding of store.list(`clusterrolebindings.${rbac}`) as unknown as ClusterRoleBinding[])
      if (binding.subjects?.some((subject) => isSubject(subject, user, ""))) yield clusterRules(binding.roleRef.name);
    if (namespace === "") return;
    for (const binding of store.list(`rolebindings.${rbac}`, namespace) as unknown as RoleBinding[]) {
      if (!binding.subjects?.some((subject) => isSubject(subject, user, namespace))) continue;
      if (binding.roleRef.kind === "ClusterRole") yield clusterRules(binding.roleRef.name);
      else {
        const role = store.get(`roles.${rbac}`, namespace, binding.roleRef.name) as unknown as Role | undefined;
        yield role?.rules ?? [];
      }
    }
  }

  return {
    allows(user, attributes) {
      if (user.groups.includes(mastersGroup)) return true;
      for (const list of rules(user, attributes.namespace ?? ""))
        if (list.some((rule) => permits(rule, attributes))) return true;
      return false;
    },
    rulesFor(user, namespace) {
      if (user.groups.includes(mastersGroup))
        return [
          { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
          { verbs: ["*"], nonResourceURLs: ["*"] },
        ];
      return [...rules(user, namespace)].flat();
    },
  };
}
