import assert from "node:assert/strict";
import type { ListenerStatus } from "#api/gateway-api/gateway.ts";
import type { ResourceCondition } from "#api/gateway-api/object.ts";
import type { PolicyAncestorStatus } from "#api/gateway-api/policy.ts";
import type { RouteParentStatus } from "#api/gateway-api/route.ts";
import { kubectl } from "./kubectl.ts";

interface Status {
  readonly conditions?: readonly ResourceCondition[];
  readonly listeners?: readonly ListenerStatus[];
  readonly parents?: readonly RouteParentStatus[];
  readonly ancestors?: readonly PolicyAncestorStatus[];
  readonly attachedListenerSets?: number;
}

const line =
  /^(?<kind>\w+) (?<namespace>[\w-]+)\/(?<name>[\w-]+)(?: (?<part>listener|parent|ancestor)(?: (?<of>[\w-]+))?)?: (?<wanted>.+)$/;
const short: Readonly<Record<string, string>> = {
  infra: "gateway-conformance-infra",
  web: "gateway-conformance-web-backend",
};

/**
 * Checks a status against a line like `Gateway infra/NAME listener http: ResolvedRefs=False/InvalidRouteKinds kinds=HTTPRoute`. Throws
 * when it is otherwise.
 */
export async function checkStatus(text: string): Promise<void> {
  const { kind = "", namespace = "", name = "", part, of, wanted = "" } = line.exec(text)?.groups ?? {};
  const type = kind === "Gateway" ? "gateways.gateway.networking.k8s.io" : kind;
  const place = short[namespace] ?? namespace;
  const object = JSON.parse(await kubectl(["-n", place, "get", type, name, "-o", "json"])) as {
    readonly metadata: { readonly generation: number };
    readonly status?: Status;
  };
  const status = partOf(object.status ?? {}, part, of);
  for (const word of wanted.split(" ")) {
    const [field = "", value = ""] = word.split("=");
    if (field === "kinds")
      assert.equal(((status as ListenerStatus).supportedKinds ?? []).map((one) => one.kind).join(","), value, text);
    else if (field === "attached") assert.equal((status as ListenerStatus).attachedRoutes, Number(value), text);
    else if (field === "parents") assert.equal(object.status?.parents?.length, Number(value), text);
    else if (field === "sets") assert.equal(object.status?.attachedListenerSets ?? 0, Number(value), text);
    else {
      const condition = status?.conditions?.find((one) => one.type === field);
      const [wantedStatus, reason] = value.split("/");
      assert.equal(condition?.status, wantedStatus, `${text}: ${condition?.reason} ${condition?.message}`);
      if (reason) assert.equal(condition?.reason, reason, text);
      assert.equal(condition?.observedGeneration, object.metadata.generation, `${text}: observed generation`);
    }
  }
}

function partOf(status: Status, part: string | undefined, of: string | undefined) {
  if (part === "listener") return status.listeners?.find(({ name }) => name === of);
  if (part === "parent")
    return of ? status.parents?.find(({ parentRef }) => parentRef.name === of) : status.parents?.[0];
  return part === "ancestor" ? status.ancestors?.[0] : status;
}
