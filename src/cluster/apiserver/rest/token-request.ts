import { badRequest, fieldError, invalid, notFound } from "../api-error.ts";
import type { BoundObject } from "../auth/tokens.ts";
import type { Core } from "../core.ts";
import { at, type Fields, isFields, timestamp } from "../object.ts";
import { readObject, type Target } from "./read.ts";
import { type ApiRequest, type ApiResponse, jsonResponse, readDocument } from "./request.ts";

const boundResources: Record<string, "pods" | "secrets" | "nodes"> = { Pod: "pods", Secret: "secrets", Node: "nodes" };

function boundOf(core: Core, spec: Fields, target: Target): BoundObject | undefined {
  const reference = spec["boundObjectRef"];
  if (!isFields(reference)) return undefined;
  const kind = String(reference["kind"]);
  const name = String(reference["name"]);
  const plural = boundResources[kind];
  if (!plural)
    throw badRequest(`cannot bind token for serviceaccount "${target.name}" to object kind ${JSON.stringify(kind)}`);
  const object = core.store.get(plural, plural === "nodes" ? "" : target.namespace, name);
  if (!object) throw notFound({ group: "", plural }, name);
  const uid = object.metadata.uid ?? "";
  if (reference["uid"] && reference["uid"] !== uid)
    throw invalid("authentication.k8s.io", "TokenRequest", target.name, [
      fieldError.invalid(
        "spec.boundObjectRef.uid",
        reference["uid"],
        `the UID in the bound object reference does not match the UID in record (${uid})`,
      ),
    ]);
  return { kind: kind as BoundObject["kind"], name, uid };
}

/** POST `/token` on a service account (TokenRequest). */
export async function tokenRequest(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const document = await readDocument(request);
  const given = isFields(document) && isFields(document["spec"]) ? document["spec"] : {};
  const account = readObject(core, target);
  const expirationSeconds = given["expirationSeconds"] ?? 3600;
  if (typeof expirationSeconds !== "number" || !Number.isInteger(expirationSeconds) || expirationSeconds < 600)
    throw invalid("authentication.k8s.io", "TokenRequest", "", [
      fieldError.invalid(
        "spec.expirationSeconds",
        expirationSeconds,
        "may not specify a duration less than 10 minutes",
      ),
    ]);
  if (expirationSeconds > 2 ** 32)
    throw invalid("authentication.k8s.io", "TokenRequest", "", [
      fieldError.invalid(
        "spec.expirationSeconds",
        expirationSeconds,
        "may not specify a duration larger than 2^32 seconds",
      ),
    ]);
  const listed = given["audiences"];
  const audiences = Array.isArray(listed) && listed.length > 0 ? listed.map(String) : [core.tokens.issuer];
  const bound = boundOf(core, given, target);
  if (bound?.kind === "Pod") {
    const runsAs = at(core.store.get("pods", target.namespace, bound.name), "spec.serviceAccountName");
    if (runsAs !== target.name)
      throw badRequest(
        `cannot bind token for serviceaccount "${target.name}" to pod running with different serviceaccount name.`,
      );
  }
  const { token, expires } = await core.tokens.issue({
    namespace: target.namespace,
    account: target.name,
    accountUid: account.metadata.uid ?? "",
    audiences,
    expirationSeconds,
    ...(bound ? { bound } : {}),
  });
  return jsonResponse(
    {
      kind: "TokenRequest",
      apiVersion: "authentication.k8s.io/v1",
      metadata: { name: target.name, namespace: target.namespace, creationTimestamp: timestamp() },
      spec: { ...given, audiences, expirationSeconds },
      status: { token, expirationTimestamp: timestamp(expires) },
    },
    201,
  );
}
