import { ApiError, noSuchPath } from "../api-error.ts";
import type { Registry, Served } from "../registry.ts";
import { acceptedTypes } from "../rest/negotiate.ts";
import { type ApiRequest, type ApiResponse, textResponse } from "../rest/request.ts";
import { describeBuiltin } from "../schema/descriptions.ts";
import { openApiHash, openApiV2, openApiV3Document, openApiV3Index } from "../schema/openapi.ts";
import type { ServedKind } from "../schema/openapi-paths.ts";
import { subresourcesOf } from "./discovery.ts";
import { openApiV2Protobuf, openApiV2ProtobufType } from "./open-api-v2-protobuf.ts";

const year = 365 * 24 * 60 * 60 * 1000;

function describe(served: Served): ServedKind {
  const { kind, version } = served;
  return {
    group: version.group,
    version: version.version,
    kind: kind.kind,
    plural: kind.plural,
    namespaced: kind.namespaced,
    verbs: kind.verbs,
    subresources: subresourcesOf(served).map(({ name }) => name),
    ...(kind.custom && version.schema ? { schema: version.schema } : {}),
  };
}

interface Documents {
  readonly generation: number;
  readonly index: string;
  /** By path, `apis/apps/v1`: its kinds, and its document once somebody asked. */
  readonly versions: Map<string, { group: string; version: string; kinds: ServedKind[]; hash: string; text?: string }>;
  v2?: string;
}

const known = new WeakMap<Registry, Documents>();

/** What is served now, described; made again only when that changed. */
function documentsOf(registry: Registry): Documents {
  const before = known.get(registry);
  if (before?.generation === registry.generation) return before;
  const versions: Documents["versions"] = new Map();
  for (const { group, versions: list } of registry.groups())
    for (const { version, served } of list) {
      const kinds = served.map(describe);
      const path = group === "" ? `api/${version}` : `apis/${group}/${version}`;
      const hash = openApiHash(kinds);
      const last = before?.versions.get(path);
      versions.set(path, last?.hash === hash ? last : { group, version, kinds, hash });
    }
  const index = JSON.stringify(openApiV3Index([...versions.values()]));
  const documents: Documents = { generation: registry.generation, index, versions };
  known.set(registry, documents);
  return documents;
}

/** The first of the accepted types that the second version is to be had in. */
function v2Type(request: ApiRequest): "json" | "protobuf" {
  for (const { type } of acceptedTypes(request)) {
    if (["application/json", "application/*", "*/*"].includes(type)) return "json";
    if (type === openApiV2ProtobufType) return "protobuf";
  }
  throw new ApiError(
    406,
    "NotAcceptable",
    `only the following media types are accepted: application/json, ${openApiV2ProtobufType}`,
  );
}

/** `/openapi/v2` and `/openapi/v3`: documents made from the schemas of what is served. */
export function openApi(registry: Registry, request: ApiRequest, path: string): ApiResponse {
  const documents = documentsOf(registry);
  if (path === "/openapi/v3") return textResponse(documents.index, 200, "application/json");
  if (path === "/openapi/v2") {
    const kinds = [...documents.versions.values()].flatMap((one) => one.kinds);
    if (v2Type(request) === "protobuf") {
      const body = (async function* () {
        yield openApiV2Protobuf(kinds);
      })();
      // An answer's media type may not have the `@` (RFC 9110 §5.6.2), and clients look.
      return {
        status: 200,
        headers: { "content-type": openApiV2ProtobufType.replace("@", "."), vary: "Accept" },
        body,
      };
    }
    documents.v2 ??= JSON.stringify(openApiV2(kinds));
    return textResponse(documents.v2, 200, "application/json");
  }
  const entry = documents.versions.get(path.replace(/^\/openapi\/v3\//, ""));
  if (!entry) throw noSuchPath();
  entry.text ??= JSON.stringify(openApiV3Document(entry, entry.kinds, describeBuiltin));
  const etag = `"${entry.hash}"`;
  // A document that is asked for by its hash never changes, so clients may keep it.
  const isPinned = request.query.get("hash") === entry.hash;
  const caching = isPinned
    ? { "cache-control": "public, immutable", expires: new Date(Date.now() + year).toUTCString() }
    : { "cache-control": "no-cache, private" };
  const headers = { etag, vary: "Accept", ...caching };
  if (request.headers["if-none-match"] === etag) return textResponse("", 304, "application/json", headers);
  return textResponse(entry.text, 200, "application/json", headers);
}
