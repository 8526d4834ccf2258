import { ApiError, badRequest, methodNotAllowed, noSuchPath } from "../api-error.ts";
import type { Attributes } from "../auth/authorizer.ts";
import { anonymous, authenticatedGroup, type UserInfo } from "../auth/user.ts";
import type { Core } from "../core.ts";
import { discovery } from "../discovery/discovery.ts";
import { openApi } from "../discovery/open-api.ts";
import { create } from "./create.ts";
import { failureResponse, statusOf } from "./fail.ts";
import { finalizeNamespace } from "./finalize.ts";
import { patch } from "./patch.ts";
import { bind, evict } from "./pod-actions.ts";
import { podLog } from "./pod-log.ts";
import { proxy } from "./proxy.ts";
import { get, list, type Target } from "./read.ts";
import { remove, removeCollection } from "./remove.ts";
import {
  type ApiRequest,
  type ApiResponse,
  jsonResponse,
  parseResourcePath,
  type ResourcePath,
  textResponse,
} from "./request.ts";
import { review } from "./review.ts";
import { scale } from "./scale.ts";
import { signerAttributes } from "./signer.ts";
import { tokenRequest } from "./token-request.ts";
import { replace } from "./update.ts";
import { serverVersion } from "./version.ts";
import { watch } from "./watch.ts";

export type Handler = (request: ApiRequest) => Promise<ApiResponse>;

const isWatch = (query: URLSearchParams): boolean => ["true", "1"].includes(query.get("watch") ?? "");

/** Who may see what without saying who they are, as Kubernetes' `system:public-info-viewer`. */
const publicPaths = new Set(["/healthz", "/livez", "/readyz", "/version"]);

function verbOf(request: ApiRequest, path: ResourcePath): string {
  const one = path.name !== undefined;
  switch (request.method) {
    case "GET":
    case "HEAD":
      if (isWatch(request.query)) return "watch";
      return one ? "get" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return one ? "delete" : "deletecollection";
    default:
      throw methodNotAllowed();
  }
}

/** What a request on a resource asks leave for. */
export function attributesOf(request: ApiRequest, path: ResourcePath): Attributes {
  const selected = /^metadata\.name=(?<name>[^,]+)$/.exec(request.query.get("fieldSelector") ?? "")?.groups?.["name"];
  return {
    verb: verbOf(request, path),
    group: path.group,
    resource: path.plural,
    subresource: path.subresource ?? "",
    // Kubernetes looks at a namespace itself as being within itself.
    namespace: path.namespace ?? (path.plural === "namespaces" ? (path.name ?? "") : ""),
    name: path.name ?? selected ?? "",
  };
}

function refusal(user: UserInfo, attributes: Attributes): ApiError {
  if (user === anonymous && attributes.path === undefined) return new ApiError(401, "Unauthorized", "Unauthorized");
  if (attributes.path !== undefined)
    return new ApiError(
      403,
      "Forbidden",
      `forbidden: User ${JSON.stringify(user.username)} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}`,
      {},
    );
  const { group = "", resource = "", subresource = "", namespace = "", name = "", verb } = attributes;
  const full = subresource ? `${resource}/${subresource}` : resource;
  const subject = `${resource}${group ? `.${group}` : ""}${name ? ` ${JSON.stringify(name)}` : ""}`;
  const place = namespace ? `in the namespace ${JSON.stringify(namespace)}` : "at the cluster scope";
  return new ApiError(
    403,
    "Forbidden",
    `${subject} is forbidden: User ${JSON.stringify(user.username)} cannot ${verb} resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)} ${place}`,
    { ...(name ? { name } : {}), ...(group ? { group } : {}), kind: resource },
  );
}

export function authorize(core: Core, user: UserInfo, attributes: Attributes): void {
  if (!core.authorizer.allows(user, attributes)) throw refusal(user, attributes);
}

/** `kubectl --as`: the user to act as, if the real one may. */
function actingUser(core: Core, request: ApiRequest): UserInfo {
  const name = request.headers["impersonate-user"];
  if (!name) return request.user;
  const groups = (request.headers["impersonate-group"] ?? "")
    .split(",")
    .map((group) => group.trim())
    .filter(Boolean);
  const account = /^system:serviceaccount:(?<namespace>[^:]+):(?<name>[^:]+)$/.exec(name)?.groups;
  authorize(core, request.user, {
    verb: "impersonate",
    resource: account ? "serviceaccounts" : "users",
    namespace: account?.["namespace"] ?? "",
    name: account?.["name"] ?? name,
  });
  for (const group of groups) authorize(core, request.user, { verb: "impersonate", resource: "groups", name: group });
  const implied = account ? ["system:serviceaccounts", `system:serviceaccounts:${account["namespace"]}`] : [];
  return { username: name, groups: [...new Set([...groups, ...implied, authenticatedGroup])] };
}

async function plain(core: Core, request: ApiRequest): Promise<ApiResponse> {
  const path = request.path.replace(/(?<=.)\/+$/, "");
  const [, first = ""] = path.split("/");
  const isHealth = publicPaths.has(`/${first}`);
  if (!isHealth) {
    if (request.user === anonymous) throw new ApiError(401, "Unauthorized", "Unauthorized");
    authorize(core, request.user, {
      verb: request.method === "GET" || request.method === "HEAD" ? "get" : "post",
      path,
    });
  }
  if (request.method !== "GET" && request.method !== "HEAD") throw methodNotAllowed();
  if (first === "healthz" || first === "livez" || first === "readyz") return textResponse("ok");
  if (path === "/version") return jsonResponse(serverVersion);
  if (path === "/openid/v1/jwks")
    return jsonResponse(await core.tokens.jwks(), 200, { "content-type": "application/jwk-set+json" });
  if (path === "/.well-known/openid-configuration")
    return jsonResponse({
      issuer: core.tokens.issuer,
      jwks_uri: `${core.tokens.issuer}/openid/v1/jwks`,
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    });
  if (first === "openapi") return openApi(core.registry, request, path);
  if (path === "" || path === "/")
    return jsonResponse({
      paths: ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"],
    });
  const found = discovery(core.registry, { ...request, path });
  if (!found) throw noSuchPath();
  return found;
}

const signed = "certificatesigningrequests";

async function onSubresource(
  core: Core,
  request: ApiRequest,
  target: Target,
  path: ResourcePath,
): Promise<ApiResponse> {
  const { method } = request;
  const { kind, version } = target.served;
  switch (target.subresource) {
    case "status":
      if (!(kind.custom ? version.status : kind.status)) break;
      if (method === "GET") return get(core, request, target);
      if (kind.plural === signed) authorize(core, request.user, signerAttributes(core, request, target, "sign"));
      if (method === "PUT") return replace(core, request, target);
      if (method === "PATCH") return patch(core, request, target);
      throw methodNotAllowed();
    case "scale":
      return scale(core, request, target);
    default: {
      if (!kind.subresources.some(({ name }) => name === target.subresource)) break;
      const key = `${kind.plural}/${target.subresource}`;
      if (target.subresource === "proxy") return proxy(core, request, target, path.rest ?? "/");
      if (key === "pods/log" && method === "GET") return podLog(core, request, target);
      if (key === "pods/binding" && method === "POST") return bind(core, request, target);
      if (key === "pods/eviction" && method === "POST") return evict(core, request, target);
      if (key === "pods/ephemeralcontainers") {
        if (method === "GET") return get(core, request, { ...target, subresource: "" });
        throw badRequest("ephemeral containers can't be added here: this runtime does not run them; use kubectl exec");
      }
      if (key === "serviceaccounts/token" && method === "POST") return tokenRequest(core, request, target);
      if (key === `${signed}/approval`) {
        if (method === "GET") return get(core, request, target);
        if (method !== "PUT" && method !== "PATCH") throw methodNotAllowed();
        authorize(core, request.user, signerAttributes(core, request, target, "approve"));
        return method === "PUT" ? replace(core, request, target) : patch(core, request, target);
      }
      if (key === "namespaces/finalize" && method === "PUT") return finalizeNamespace(core, request, target);
      if (["pods/exec", "pods/attach", "pods/portforward"].includes(key))
        throw badRequest("Upgrade request required: this request needs a WebSocket or SPDY connection");
      throw methodNotAllowed();
    }
  }
  throw noSuchPath();
}

async function onResource(core: Core, request: ApiRequest, path: ResourcePath): Promise<ApiResponse> {
  authorize(core, request.user, attributesOf(request, path));
  const served = core.registry.find(path.group, path.version, path.plural);
  if (!served) throw noSuchPath();
  const { kind } = served;
  if (!kind.namespaced && path.namespace !== undefined) throw noSuchPath();
  const { namespace = "", name = "", subresource = "" } = path;
  const target: Target = { served, namespace: kind.namespaced ? namespace : "", name, subresource };
  if (kind.namespaced && name !== "" && namespace === "") throw noSuchPath();
  if (subresource !== "") return onSubresource(core, request, target, path);

  const { method, query } = request;
  const verb = verbOf(request, path);
  if (!kind.verbs.includes(verb)) throw methodNotAllowed();
  if (method === "GET" || method === "HEAD") {
    if (isWatch(query)) return watch(core, request, target);
    return name === "" ? list(core, request, target) : get(core, request, target);
  }
  if (method === "POST") {
    if (name !== "") throw methodNotAllowed();
    // Answered, never stored.
    return kind.verbs.includes("list") ? create(core, request, target) : review(core, request, target);
  }
  if (method === "DELETE") return name === "" ? removeCollection(core, request, target) : remove(core, request, target);
  if (name === "") throw methodNotAllowed();
  return method === "PUT" ? replace(core, request, target) : patch(core, request, target);
}

/** The API as a function: a request with its user in, an answer out. Never rejects. */
export function createHandler(core: Core): Handler {
  return async (request) => {
    try {
      const acting = { ...request, user: actingUser(core, request) };
      const path = parseResourcePath(request.path);
      return path ? await onResource(core, acting, path) : await plain(core, acting);
    } catch (error) {
      return failureResponse(statusOf(error, core, request));
    }
  };
}
