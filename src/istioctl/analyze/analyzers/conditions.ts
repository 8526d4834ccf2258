import type { KubeObject } from "#kube/object.ts";
import type { Analyzer } from "../analyzer.ts";
import { type Message, message } from "../message.ts";
import { groupOf, structureErrors } from "../shapes.ts";

interface Condition {
  readonly type?: string;
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
}

interface Status {
  readonly conditions?: readonly Condition[];
  readonly parents?: readonly { readonly conditions?: readonly Condition[] }[];
}

const kinds: ReadonlySet<string> = new Set([
  "/Service",
  "networking.istio.io/ServiceEntry",
  "security.istio.io/AuthorizationPolicy",
  "gateway.networking.k8s.io/Gateway",
  "gateway.networking.k8s.io/HTTPRoute",
  "gateway.networking.k8s.io/GRPCRoute",
]);

export const conditions: Analyzer = {
  name: "conditions.ConditionAnalyzer",
  description: "the control plane found nothing wrong with a resource",
  needs: "cluster",
  analyze: ({ all }) =>
    all
      .filter((object) => kinds.has(`${groupOf(object)}/${object.kind}`) && structureErrors(object).length === 0)
      .flatMap(check),
};

function check(object: KubeObject): Message[] {
  const { status } = object as { readonly status?: Status };
  const found = [
    ...(status?.conditions ?? []),
    ...(status?.parents ?? []).flatMap((parent) => parent.conditions ?? []),
  ];
  return found.filter(isNegative).map(({ type, reason, message: why }) => {
    const text = `condition ${type} is negative: ${reason}: ${why}`;
    return message("NegativeConditionStatus", object, "status", text);
  });
}

/** Others' conditions, such as a deployment tool's, aren't about the mesh. */
function isNegative({ type = "", status, reason }: Condition): boolean {
  if (type.includes("/") && !type.startsWith("istio.io/")) return false;
  return status === "False" || reason === "PartiallyInvalid";
}
