import { create } from "@bufbuild/protobuf";
import { type Policy, type RBAC, RBAC_Action, RBACSchema } from "#api/envoy/gen/envoy/config/rbac/v3/rbac_pb.js";
import type { AuthorizationPolicy } from "#api/istio/authorization-policy.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { never, type RuleUse, rulePolicy } from "./rule.ts";

type Seen = RuleUse["seen"];

/** What the policies of one action say, and apart from it what those of them say that are only tried. */
export interface Rules {
  readonly enforced: RBAC | undefined;
  readonly tried: RBAC | undefined;
}

/** Istio: the annotation `istio.io/dry-run`, read as Go reads truth. */
function isDryRun({ metadata }: AuthorizationPolicy): boolean {
  return /^(1|t|T|true|TRUE|True)$/.test(metadata.annotations?.["istio.io/dry-run"] ?? "");
}

/** A policy's rules by name. */
const entriesOf = memo((policy: AuthorizationPolicy, mesh: MeshConfig) => ({
  requests: named(policy, mesh, "requests"),
  connections: named(policy, mesh, "connections"),
}));

function named(policy: AuthorizationPolicy, mesh: MeshConfig, seen: Seen): readonly (readonly [string, Policy])[] {
  const { name = "", namespace = "" } = policy.metadata;
  const { rules = [], action = "ALLOW" } = policy.spec;
  const title = (index: number): string => `ns[${namespace}]-policy[${name}]-rule[${index}]`;
  if (rules.length === 0) return [[title(0), never]];
  const trustDomains = [mesh.trustDomain, ...mesh.trustDomainAliases];
  const use: RuleUse = { namespace, trustDomains, seen, mayWiden: action !== "ALLOW" };
  return rules.flatMap((rule, index) => {
    const said = rulePolicy(rule, use);
    return said === undefined ? [] : [[title(index), said] as const];
  });
}

/** The rules of policies as one list. Their names begin with `prefix`. */
export function rulesOf(
  policies: readonly AuthorizationPolicy[],
  mesh: MeshConfig,
  seen: Seen,
  action: RBAC_Action,
  prefix = "",
): Rules {
  const list = (chosen: readonly AuthorizationPolicy[]): RBAC | undefined => {
    if (chosen.length === 0) return undefined;
    const entries = chosen.flatMap((policy) => entriesOf(policy, mesh)[seen]);
    return create(RBACSchema, {
      action,
      policies: Object.fromEntries(entries.map(([name, said]) => [prefix + name, said])),
    });
  };
  return {
    enforced: list(policies.filter((policy) => !isDryRun(policy))),
    tried: list(policies.filter(isDryRun)),
  };
}
