import type { AuthorizationPolicy } from "#api/istio/authorization-policy.ts";
import type { Gateway } from "#api/istio/gateway.ts";
import type { IstioObject } from "#api/istio/object.ts";
import type { PolicyAttachment } from "#api/istio/policy-attachment.ts";
import { selects } from "#model/labels.ts";
import { memo } from "#model/memo.ts";
import { parentNamesAnnotation } from "#model/route-semantics.ts";
import type { Authorizers } from "./authorizers.ts";
import type { Objects } from "./input.ts";
import type { Conflict } from "./problem.ts";
import { targetsOf } from "./workload-policies.ts";

type Policies = Objects<IstioObject<PolicyAttachment>>;
type Found = (policies: Policies, gateways: readonly Gateway[]) => readonly Conflict[];

function nameOf(kind: string, { metadata }: IstioObject): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`;
}

/** Targets that policies of a kind name and that nothing stands for, so that these are in effect nowhere. */
export const missingTargets: Readonly<Record<"RequestAuthentication" | "AuthorizationPolicy", Found>> = {
  RequestAuthentication: missingTargetsOf("RequestAuthentication"),
  AuthorizationPolicy: missingTargetsOf("AuthorizationPolicy"),
};

function missingTargetsOf(policyKind: string): Found {
  return memo((policies, gateways) =>
    [...policies.values()].flatMap((policy) => {
      const { namespace = "" } = policy.metadata;
      const isList = Boolean(policy.spec.targetRefs?.length);
      return targetsOf(policy.spec).flatMap(({ kind = "", name = "" }, index): Conflict[] => {
        if (kind === "Gateway" && knownGateways(gateways).has(`${namespace}/${name}`)) return [];
        const message =
          kind === "Gateway"
            ? `Gateway ${namespace}/${name} isn't there, or has no listener: the policy isn't in effect for it`
            : `${kind} is a target for waypoints, which there are none of: the policy isn't in effect for it. Use selector`;
        const field = isList ? `spec.targetRefs[${index}]` : "spec.targetRef";
        return [{ reason: "NotFound", resource: nameOf(policyKind, policy), field, message }];
      });
    }),
  );
}

/** Gateways of the Gateway API that have a listener, as `namespace/name`. */
const knownGateways = memo(
  (gateways: readonly Gateway[]): ReadonlySet<string> =>
    new Set(
      gateways.flatMap(({ metadata }) => {
        const [, name] = /^Gateway\/([^/]+)\//.exec(metadata.annotations?.[parentNamesAnnotation] ?? "") ?? [];
        return name === undefined ? [] : [`${metadata.namespace}/${name}`];
      }),
    ),
);

/** CUSTOM policies that nobody can decide for, so that what they take in is refused. */
export const unaskable: (policies: Objects<AuthorizationPolicy>, authorizers: Authorizers) => readonly Conflict[] =
  memo((policies, authorizers) => {
    const custom = [...policies.values()].filter(({ spec }) => spec.action === "CUSTOM");
    return custom.flatMap((policy, index): Conflict[] => {
      const resource = nameOf("AuthorizationPolicy", policy);
      const field = "spec.provider.name";
      const { name = "" } = policy.spec.provider ?? {};
      const found = authorizers.byName.get(name);
      const refused = "calls that it takes in are refused";
      if (found === undefined) {
        const known = [...authorizers.byName.keys()].join(", ") || "none";
        const message = `the mesh config has no such authorizer among its extensionProviders (${known}): ${refused}`;
        return [{ reason: "NotFound", resource, field, message: `${JSON.stringify(name)}: ${message}` }];
      }
      if ("problem" in found) {
        const message = `extension provider ${JSON.stringify(name)} can't be asked, as ${found.problem}: ${refused}`;
        return [{ reason: "NotFound", resource, field, message }];
      }
      if (authorizers.several) return [];
      const older = custom
        .slice(0, index)
        .find((other) => other.spec.provider?.name !== name && mayShareWorkloads(policy, other));
      if (older === undefined) return [];
      const message = `a workload has one authorizer, and ${nameOf("AuthorizationPolicy", older)}, which is older, names ${JSON.stringify(older.spec.provider?.name)}: where both are in effect, ${refused}`;
      return [{ reason: "Conflict", resource, field, message }];
    });
  });

/** Whether some workload may come under both. Namespaces that aren't the same may be the root namespace, which this can't know. */
function mayShareWorkloads(a: AuthorizationPolicy, b: AuthorizationPolicy): boolean {
  const [one = {}, other = {}] = [a.spec.selector?.matchLabels, b.spec.selector?.matchLabels];
  return a.metadata.namespace === b.metadata.namespace && (selects(one, other) || selects(other, one));
}
