import type { JWTRule, RequestAuthentication } from "#api/istio/request-authentication.ts";
import type { Labels } from "#model/labels.ts";
import { byNamespace, policiesFor } from "#snapshot/workload-policies.ts";

interface Status {
  readonly conditions?: readonly {
    readonly type?: string;
    readonly status?: string;
    readonly message?: string;
  }[];
}

/** Which tokens a workload accepts, and who says so; what istiod says is wrong with that. Nothing without such policies. */
export function requestAuthenticationLines(
  policies: readonly RequestAuthentication[],
  workload: { readonly namespace: string; readonly labels: Labels },
  rootNamespace: string,
): string[] {
  const known = byNamespace(undefined, new Map(policies.map((policy) => [nameOf(policy), policy])));
  const namespaces = [...new Set([workload.namespace, rootNamespace])];
  const applied = policiesFor(known, namespaces, workload, workload.labels);
  if (applied.length === 0) return [];
  return [
    "Applied RequestAuthentication:",
    ...applied.flatMap((policy) =>
      (policy.spec.jwtRules ?? []).map((rule) => `   ${nameOf(policy)}: ${tokensOf(rule)}`),
    ),
    ...applied.flatMap((policy) => complaints(policy).map((text) => `   WARNING: ${nameOf(policy)}: ${text}`)),
  ];
}

function nameOf({ metadata }: RequestAuthentication): string {
  return `${metadata.name}.${metadata.namespace}`;
}

function tokensOf({ issuer, audiences = [], presence }: JWTRule): string {
  const whose = issuer ? `of ${issuer}` : "of any issuer";
  const whom = audiences.length > 0 ? ` for ${audiences.join(", ")}` : "";
  return `${presence === "REQUIRED" ? "requires" : "accepts"} tokens ${whose}${whom}`;
}

function complaints({ status }: RequestAuthentication): readonly string[] {
  const { conditions = [] } = (status ?? {}) as Status;
  return conditions
    .filter((condition) => condition.type === "weft.dev/Accepted" && condition.status === "False")
    .map(({ message }) => message ?? "");
}
