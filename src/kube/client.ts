import { isKubeError, KubeError, type KubeStatus } from "./error.ts";
import { apiVersionOf, type KubeObject, type ResourceType, resourcePath } from "./object.ts";
import type { KubeRequest, KubeResponse, KubeTransport } from "./transport.ts";

interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
}

interface ObjectList<T> {
  readonly items: readonly T[];
  /** Where a watch goes on from. */
  readonly resourceVersion: string;
  /** Set when there is another page. */
  readonly continue?: string;
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion: string;
  readonly signal: AbortSignal;
}

type PatchKind = "json" | "merge" | "strategic-merge" | "apply";

const patchMediaTypes: Readonly<Record<PatchKind, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  "strategic-merge": "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

interface PatchOptions {
  readonly namespace?: string;
  readonly name: string;
  readonly subresource?: string;
  readonly patch: unknown;
  readonly as: PatchKind;
  /** Required by `apply`. */
  readonly fieldManager?: string;
  /** Take over fields that other managers own (`apply` only). */
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
  readonly subresource?: string;
}

interface DeleteOptions extends ObjectRef {
  readonly propagationPolicy?: "Foreground" | "Background" | "Orphan";
  readonly gracePeriodSeconds?: number;
  readonly uid?: string;
  /** The delete is refused when the object has changed since. */
  readonly resourceVersion?: string;
}

/** Typed verbs over a transport. Every method rejects with {@link KubeError}. */
export interface KubeClient {
  get<T extends KubeObject>(type: ResourceType, ref: ObjectRef): Promise<T>;
  /** As `get`, but undefined when the object isn't there. */
  find<T extends KubeObject>(type: ResourceType, ref: ObjectRef): Promise<T | undefined>;
  list<T extends KubeObject>(type: ResourceType, options?: ListOptions): Promise<ObjectList<T>>;
  watch<T extends KubeObject>(type: ResourceType, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(type: ResourceType, object: T, subresource?: string): Promise<T>;
  update<T extends KubeObject>(type: ResourceType, object: T, subresource?: string): Promise<T>;
  patch<T extends KubeObject>(type: ResourceType, options: PatchOptions): Promise<T>;
  delete(type: ResourceType, options: DeleteOptions): Promise<void>;
  /** A plain request for what has no verb of its own; resolves to the parsed JSON answer. */
  request<T>(request: KubeRequest): Promise<T>;
  readonly transport: KubeTransport;
}

/** An answer longer than this is refused rather than kept (bytes). */
const maxAnswerBytes = 256 * 1024 * 1024;
/** One line of a watch may not be longer than this (characters). */
const maxEventLength = 16 * 1024 * 1024;

export function createKubeClient(transport: KubeTransport): KubeClient {
  async function send(request: KubeRequest): Promise<KubeResponse> {
    let response: KubeResponse;
    try {
      response = await transport({
        ...request,
        headers: { accept: "application/json", ...request.headers },
      });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new KubeError(
        { code: 0, reason: "Unreachable", message: `no answer from the API server: ${why}` },
        { cause },
      );
    }
    if (response.status >= 400) throw new KubeError(await readStatus(response));
    return response;
  }

  async function request<T>(request: KubeRequest): Promise<T> {
    return JSON.parse(await readText((await send(request)).body)) as T;
  }

  const json = { "content-type": "application/json" };
  const withType = <T extends KubeObject>(type: ResourceType, object: T): T => ({
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    ...object,
  });

  const client: KubeClient = {
    transport,
    request,
    get: (type, ref) => request({ method: "GET", path: resourcePath(type, ref.namespace, ref.name, ref.subresource) }),
    async find<T extends KubeObject>(type: ResourceType, ref: ObjectRef) {
      try {
        return await client.get<T>(type, ref);
      } catch (error) {
        if (isKubeError(error, "NotFound")) return undefined;
        throw error;
      }
    },
    async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}) {
      const { namespace, ...rest } = options;
      const answer = await request<{
        items?: T[];
        metadata?: { resourceVersion?: string; continue?: string };
      }>({ method: "GET", path: resourcePath(type, namespace), query: queryOf(rest) });
      const next = answer.metadata?.continue;
      return {
        // A list leaves the type out of its items.
        items: (answer.items ?? []).map((item) => withType(type, item)),
        resourceVersion: answer.metadata?.resourceVersion ?? "",
        ...(next ? { continue: next } : {}),
      };
    },
    async *watch<T extends KubeObject>(type: ResourceType, options: WatchOptions) {
      const { namespace, signal, ...rest } = options;
      const response = await send({
        method: "GET",
        path: resourcePath(type, namespace),
        query: queryOf({ ...rest, watch: true, allowWatchBookmarks: true }),
        signal,
      });
      for await (const line of lines(response.body)) {
        const event = JSON.parse(line) as WatchEvent<T> | { type: "ERROR"; object: KubeStatus };
        if (event.type === "ERROR") throw new KubeError(event.object);
        yield event;
      }
    },
    create: (type, object, subresource) =>
      request({
        method: "POST",
        path: resourcePath(
          type,
          object.metadata?.namespace,
          subresource ? object.metadata?.name : undefined,
          subresource,
        ),
        headers: json,
        body: JSON.stringify(withType(type, object)),
      }),
    update: (type, object, subresource) =>
      request({
        method: "PUT",
        path: resourcePath(type, object.metadata?.namespace, object.metadata?.name ?? "", subresource),
        headers: json,
        body: JSON.stringify(withType(type, object)),
      }),
    patch: (type, options) =>
      request({
        method: "PATCH",
        path: resourcePath(type, options.namespace, options.name, options.subresource),
        headers: { "content-type": patchMediaTypes[options.as] },
        query: queryOf({
          fieldManager: options.fieldManager,
          force: options.force,
          dryRun: options.dryRun ? "All" : undefined,
        }),
        body: JSON.stringify(options.patch),
      }),
    async delete(type, options) {
      const { uid, resourceVersion } = options;
      await request({
        method: "DELETE",
        path: resourcePath(type, options.namespace, options.name),
        headers: json,
        body: JSON.stringify({
          kind: "DeleteOptions",
          apiVersion: "v1",
          propagationPolicy: options.propagationPolicy,
          gracePeriodSeconds: options.gracePeriodSeconds,
          ...(uid || resourceVersion ? { preconditions: { uid, resourceVersion } } : {}),
        }),
      });
    },
  };
  return client;
}

function queryOf(options: Readonly<Record<string, string | number | boolean | undefined>>): Record<string, string> {
  const query: Record<string, string> = {};
  for (const [name, value] of Object.entries(options)) if (value !== undefined) query[name] = String(value);
  return query;
}

async function readStatus(response: KubeResponse): Promise<KubeStatus> {
  const text = await readText(response.body);
  try {
    const status = JSON.parse(text) as KubeStatus & { kind?: string };
    if (status.kind === "Status") return { ...status, code: response.status };
  } catch {
    // Not every proxy in between answers in JSON.
  }
  return { code: response.status, message: text.trim() || `the API server answered ${response.status}` };
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxAnswerBytes) throw new KubeError({ message: `the answer is larger than ${maxAnswerBytes} bytes` });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function* lines(body: AsyncIterable<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const parts = rest.split("\n");
    rest = parts.pop() ?? "";
    if (rest.length > maxEventLength)
      throw new KubeError({ message: `a watch event is longer than ${maxEventLength}` });
    for (const part of parts) if (part !== "") yield part;
  }
  if (rest.trim() !== "") yield rest;
}
