import { istioKinds } from "#config/kinds.ts";
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

type WithConditions = { readonly conditions?: readonly Condition[] };

interface Status extends WithConditions {
  readonly listeners?: readonly WithConditions[];
  readonly parents?: readonly WithConditions[];
  readonly ancestors?: readonly WithConditions[];
}

const gatewayApi = ["Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "BackendTLSPolicy"];

const kinds: ReadonlySet<string> = new Set([
  "/Service",
  "networking.istio.io/ServiceEntry",
  "security.istio.io/AuthorizationPolicy",
  ...gatewayApi.map((kind) => `gateway.networking.k8s.io/${kind}`),
  // What proxies refuse.
  ...istioKinds.map(({ group, kind }) => `${group}/${kind}`),
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
  const { listeners = [], parents = [], ancestors = [] } = status ?? {};
  const parts = [status, ...listeners, ...parents, ...ancestors];
  const found = parts.flatMap((part) => part?.conditions ?? []);
  return found.filter(isNegative).map(({ type, reason, message: why }) => {
    const text = `condition ${type} is negative: ${reason}: ${why}`;
    return message("NegativeConditionStatus", object, "status", text);
  });
}

/** Others' conditions, such as a deployment tool's, aren't about the mesh. */
function isNegative({ type = "", status, reason }: Condition): boolean {
  // What else istiod finds wrong itself, others of our analyzers find too.
  if (type === "weft.dev/Accepted") return status === "False" && (reason === "Rejected" || reason === "Unreachable");
  // Of a listener it is good when there is none.
  if (type === "Conflicted") return status === "True";
  if (type === "OverlappingTLSConfig") return false;
  if (type.includes("/") && !type.startsWith("istio.io/")) return false;
  return status === "False" || reason === "PartiallyInvalid";
}
