import { badRequest, noSuchPath } from "../api-error.ts";
import type { Attributes } from "../auth/authorizer.ts";
import type { UserInfo } from "../auth/user.ts";
import type { Core } from "../core.ts";
import { type Fields, isFields } from "../object.ts";
import type { Target } from "./read.ts";
import { type ApiRequest, type ApiResponse, jsonResponse, readDocument } from "./request.ts";

const fieldsAt = (value: unknown, name: string): Fields | undefined =>
  isFields(value) && isFields(value[name]) ? value[name] : undefined;
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];

function attributesOf(spec: Fields, namespace: string): Attributes {
  const resource = fieldsAt(spec, "resourceAttributes");
  if (resource)
    return {
      verb: text(resource["verb"]),
      group: text(resource["group"]),
      resource: text(resource["resource"]),
      subresource: text(resource["subresource"]),
      namespace: text(resource["namespace"]) || namespace,
      name: text(resource["name"]),
    };
  const other = fieldsAt(spec, "nonResourceAttributes");
  if (other) return { verb: text(other["verb"]), path: text(other["path"]) };
  throw badRequest("spec: exactly one of resourceAttributes or nonResourceAttributes must be specified");
}

function accessStatus(core: Core, user: UserInfo, spec: Fields, namespace: string): Fields {
  const allowed = core.authorizer.allows(user, attributesOf(spec, namespace));
  return { allowed, ...(allowed ? { reason: "RBAC: allowed" } : {}) };
}

async function tokenStatus(core: Core, spec: Fields): Promise<Fields> {
  const asked = texts(spec["audiences"]);
  const verified = await core.tokens.verify(text(spec["token"]), asked.length > 0 ? asked : [core.tokens.issuer]);
  if (!verified)
    return {
      authenticated: false,
      user: {},
      error: "[invalid bearer token, the token is not valid for these audiences, has expired, or its object is gone]",
    };
  return { authenticated: true, user: verified.user, audiences: verified.audiences };
}

/** POST of a review: the question comes back with `status` filled in; nothing is stored. */
export async function review(core: Core, request: ApiRequest, target: Target): Promise<ApiResponse> {
  const { kind, version } = target.served;
  const document = await readDocument(request);
  const spec = fieldsAt(document, "spec") ?? {};
  let status: Fields;
  switch (kind.kind) {
    case "TokenReview":
      status = await tokenStatus(core, spec);
      break;
    case "SelfSubjectReview":
      status = { userInfo: request.user };
      break;
    case "SelfSubjectAccessReview":
      status = accessStatus(core, request.user, spec, target.namespace);
      break;
    case "SubjectAccessReview":
    case "LocalSubjectAccessReview": {
      const user = { username: text(spec["user"]), groups: texts(spec["groups"]) };
      status = accessStatus(core, user, spec, target.namespace);
      break;
    }
    case "SelfSubjectRulesReview": {
      const rules = core.authorizer.rulesFor(request.user, text(spec["namespace"]));
      status = {
        resourceRules: rules
          .filter((rule) => rule.resources)
          .map(({ verbs, apiGroups, resources, resourceNames }) => ({
            verbs,
            apiGroups,
            resources,
            ...(resourceNames ? { resourceNames } : {}),
          })),
        nonResourceRules: rules
          .filter((rule) => rule.nonResourceURLs)
          .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
        incomplete: false,
      };
      break;
    }
    default:
      throw noSuchPath();
  }
  const metadata = fieldsAt(document, "metadata") ?? { creationTimestamp: null };
  return jsonResponse(
    { kind: kind.kind, apiVersion: `${version.group}/${version.version}`, metadata, spec, status },
    201,
  );
}
