import {
  type ConfigDump,
  chainsOf,
  listenersOf,
  type RbacConfig,
  type RbacRules,
  rbacOf,
} from "../../proxy-config/envoy-dump.ts";

/** What is done to calls that a policy takes in, in the order in which proxies ask. */
const actions = ["CUSTOM", "CUSTOM (denied)", "AUDIT", "DENY", "DENY (dry-run)", "ALLOW", "ALLOW (dry-run)"] as const;
type Action = (typeof actions)[number];

const envoysActions: Readonly<Record<string, "AUDIT" | "DENY" | "ALLOW">> = {
  LOG: "AUDIT",
  DENY: "DENY",
  ALLOW: "ALLOW",
};

/** Istio: what stands for rules of no policy, which nothing matches. */
const anonymous = "_anonymous_match_nothing_";

/**
 * A row for each policy that the proxy has: what it does, `name.namespace`, and how many of its rules there are. Istio: x authz check;
 * besides, policies that are only tried, and those that let somebody else decide.
 */
export function authorizationRows(dump: ConfigDump): readonly (readonly string[])[] {
  const rules = new Map<string, { readonly action: Action; readonly policy: string; readonly names: Set<string> }>();
  for (const { action, rule } of listenersOf(dump).flatMap(chainsOf).flatMap(rbacOf).flatMap(rulesOf)) {
    const policy = policyOf(rule);
    const key = `${action} ${policy}`;
    const known = rules.get(key) ?? { action, policy, names: new Set() };
    rules.set(key, known);
    known.names.add(rule);
  }
  const rank = (action: Action): number => actions.indexOf(action);
  const sorted = [...rules.values()].sort((a, b) => rank(a.action) - rank(b.action) || (a.policy < b.policy ? -1 : 1));
  return [
    ["ACTION", "AuthorizationPolicy", "RULES"],
    ...sorted.map(({ action, policy, names }) => [action, policy, String(names.size)]),
  ];
}

function rulesOf(config: RbacConfig): readonly { readonly action: Action; readonly rule: string }[] {
  const { rules, shadow_rules: shadow, shadow_rules_stat_prefix: prefix = "" } = config;
  return [
    ...named(rules, (action, rule) => (isAsked(rule) ? "CUSTOM (denied)" : action)),
    ...named(shadow, (action, rule) => {
      if (isAsked(rule) || prefix === "istio_ext_authz_") return "CUSTOM";
      return action === "DENY" ? "DENY (dry-run)" : "ALLOW (dry-run)";
    }),
  ];
}

function named(rules: RbacRules | undefined, say: (action: "AUDIT" | "DENY" | "ALLOW", rule: string) => Action) {
  if (rules === undefined) return [];
  const action = envoysActions[rules.action ?? "ALLOW"] ?? "ALLOW";
  const names = Object.keys(rules.policies ?? {});
  return (names.length === 0 ? [anonymous] : names).map((rule) => ({ action: say(action, rule), rule }));
}

function isAsked(rule: string): boolean {
  return rule.startsWith("istio-ext-authz-");
}

function policyOf(rule: string): string {
  const [, namespace, name] = /ns\[([^\]]+)\]-policy\[([^\]]+)\]-rule\[\d+\]/.exec(rule) ?? [];
  return namespace && name ? `${name}.${namespace}` : rule;
}
