import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.d.ts";
import { matchesLabels } from "#labels/label-selector.ts";
import { ApiError, badRequest, conflict } from "../api-error.ts";
import type { Core } from "../core.ts";
import { at, copyOf, isFields, type Mutable, type Obj, timestamp } from "../object.ts";
import { readObject, type Target } from "./read.ts";
import { remove } from "./remove.ts";
import { type ApiRequest, type ApiResponse, jsonResponse, readDocument } from "./request.ts";
import { updateObject } from "./update.ts";
import { writeOptions } from "./write-options.ts";

const done = (): ApiResponse =>
  jsonResponse({ kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }, 201);

/** POST `/binding`: puts the pod on a node. */
export async function bind(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const options = writeOptions(request);
  const node = at(await readDocument(request), "target.name");
  if (typeof node !== "string" || node === "") throw badRequest("target.name: a binding names a node");
  const old = readObject(core, target);
  const before = at(old, "spec.nodeName");
  if (typeof before === "string" && before !== "" && before !== node)
    throw conflict(
      { group: "", plural: "pods/binding" },
      target.name,
      `pod ${target.name} is already assigned to node ${JSON.stringify(before)}`,
    );
  const draft = copyOf(old);
  const pod = draft as unknown as Mutable<Pod>;
  if (pod.spec) pod.spec.nodeName = node;
  const conditions = (pod.status?.conditions ?? []).filter(({ type }) => type !== "PodScheduled");
  pod.status = {
    ...pod.status,
    conditions: [...conditions, { type: "PodScheduled", status: "True", lastTransitionTime: timestamp() }],
  };
  await updateObject(core, request, target, { old, draft, subresource: "binding", trusted: true }, options);
  return done();
}

function budgetOf(core: Core, pod: Obj): PodDisruptionBudget | undefined {
  const budgets = core.store.list(
    "poddisruptionbudgets.policy",
    pod.metadata.namespace,
  ) as unknown as PodDisruptionBudget[];
  return budgets.find(({ spec }) => spec?.selector && matchesLabels(spec.selector, pod.metadata.labels));
}

/** POST `/eviction`: a deletion that a PodDisruptionBudget may refuse. */
export async function evict(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const document = await readDocument(request);
  const pod = readObject(core, target);
  const budget = budgetOf(core, pod);
  const ended = ["Succeeded", "Failed"].includes(String(at(pod, "status.phase")));
  if (budget && !ended && (budget.status?.disruptionsAllowed ?? 0) <= 0)
    throw new ApiError(429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
      causes: [
        {
          reason: "DisruptionBudget",
          message: `The disruption budget ${budget.metadata?.name} needs ${budget.status?.desiredHealthy ?? 0} healthy pods and has ${budget.status?.currentHealthy ?? 0} currently`,
        },
      ],
    });
  const options = isFields(document) && isFields(document["deleteOptions"]) ? document["deleteOptions"] : {};
  const body = Buffer.from(JSON.stringify(options));
  const once = (async function* () {
    yield body;
  })();
  await remove(
    core,
    { ...request, headers: { ...request.headers, "content-type": "application/json" }, body: once },
    target,
  );
  return done();
}
