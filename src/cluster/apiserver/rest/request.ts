import { parse as parseYaml } from "yaml";
import { ApiError, badRequest } from "../api-error.ts";
import type { UserInfo } from "../auth/user.ts";
import { decodeProtobuf, protobufType } from "../edge/protobuf/decode.ts";

export interface ApiRequest {
  readonly method: string;
  /** Without query, percent-encoded as it came. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Read at most once; empty for a request without a body. */
  readonly body: AsyncIterable<Uint8Array>;
  readonly user: UserInfo;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** A string is sent as it is; a stream as it comes. */
  readonly body: string | AsyncIterable<Uint8Array>;
}

/** Kubernetes' limit for a resource request (bytes). */
const maxBodyBytes: number = 3 * 1024 * 1024;

export function jsonResponse(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): ApiResponse {
  return textResponse(JSON.stringify(body), status, "application/json", headers);
}

export function textResponse(
  body: string,
  status = 200,
  type = "text/plain; charset=utf-8",
  headers: Readonly<Record<string, string>> = {},
): ApiResponse {
  return { status, headers: { "content-type": type, "cache-control": "no-cache, private", ...headers }, body };
}

async function readBody(request: ApiRequest, limit: number = maxBodyBytes): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > limit) throw new ApiError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${limit}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The media type without parameters; empty when none is given. */
export function mediaType(request: ApiRequest): string {
  return (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

const jsonTypes = new Set(["", "application/json", "*/*"]);

/** The parsed body: JSON or YAML. Throws 415 for a type that is none of JSON, YAML, protobuf, 400 for what can't be parsed. */
export async function readDocument(request: ApiRequest, types: ReadonlySet<string> = jsonTypes): Promise<unknown> {
  const type = mediaType(request);
  if (type === protobufType) {
    const body = await readBody(request);
    return body.length === 0 ? undefined : decodeProtobuf(body);
  }
  const yaml = type === "application/yaml" || type === "application/apply-patch+yaml";
  if (!yaml && !types.has(type) && !type.endsWith("+json"))
    throw new ApiError(
      415,
      "UnsupportedMediaType",
      `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml`,
    );
  const text = (await readBody(request)).toString("utf8");
  if (text.trim() === "") return undefined;
  try {
    // JSON is YAML, but its own parser is much faster.
    return yaml && !text.trimStart().startsWith("{")
      ? (parseYaml(text, { maxAliasCount: 100 }) as unknown)
      : (JSON.parse(text) as unknown);
  } catch (cause) {
    throw badRequest(
      `couldn't get version/kind; json parse error: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    );
  }
}

/** What a path of the API names. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly namespace?: string;
  readonly plural: string;
  readonly name?: string;
  readonly subresource?: string;
  /** What follows the subresource (`…/proxy/a/b`), still encoded, with its leading slash. */
  readonly rest?: string;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    throw badRequest(`the path segment ${JSON.stringify(part)} is not valid percent-encoding`, { cause });
  }
}

/** Undefined for paths that name no resource, such as `/api` or `/healthz`. */
export function parseResourcePath(path: string): ResourcePath | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const [root] = parts;
  let index: number;
  let group = "";
  if (root === "api" && parts.length > 2) index = 1;
  else if (root === "apis" && parts.length > 3) {
    group = decode(parts[1] ?? "");
    index = 2;
  } else return undefined;
  const version = decode(parts[index++] ?? "");
  let namespace: string | undefined;
  // `/namespaces/NAME` is the namespace itself, also with its own subresources.
  const own = new Set(["status", "finalize"]);
  if (
    parts[index] === "namespaces" &&
    parts.length > index + 2 &&
    !(parts.length === index + 3 && own.has(parts[index + 2] ?? ""))
  ) {
    namespace = decode(parts[index + 1] ?? "");
    index += 2;
  }
  const plural = decode(parts[index++] ?? "");
  const name = parts[index] === undefined ? undefined : decode(parts[index] ?? "");
  const subresource = parts[index + 1] === undefined ? undefined : decode(parts[index + 1] ?? "");
  const after = parts.slice(index + 2);
  const slash = path.endsWith("/") ? "/" : "";
  if (after.length > 0 && subresource !== "proxy") return undefined;
  return {
    group,
    version,
    plural,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
    ...(subresource === "proxy" ? { rest: after.length ? `/${after.join("/")}${slash}` : "/" } : {}),
  };
}
