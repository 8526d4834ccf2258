import type { DescMessage, JsonObject, JsonValue, Registry } from "@bufbuild/protobuf";
import { fromJson, toJson } from "@bufbuild/protobuf";
import { socketOf } from "./tls.ts";

/** Fields that INDEX.md leaves out of the comparison. Of transport sockets, what is compared is taken out apart. */
const notCompared: ReadonlySet<string> = new Set(["transportSocket", "accessLog", "tracing", "alpnProtocols"]);

/** Messages for which nothing and empty mean the same. */
const optionalWhenEmpty: ReadonlySet<string> = new Set([
  "filterChainMatch",
  "commonLbConfig",
  "locality",
  "metadata",
  "typedPerFilterConfig",
]);

/** A resource in the form in which two of them are equal when INDEX.md says they are. */
export function comparable(schema: DescMessage, registry: Registry, resource: JsonObject): JsonValue {
  const { "@type": _type, ...message } = clean(resource) as JsonObject;
  const cleaned = clean(toJson(schema, fromJson(schema, message, { registry }), { registry }));
  return { resource: cleaned, sockets: socketsIn(resource) };
}

/** The transport sockets of a resource, in order. */
function socketsIn(value: JsonValue): JsonValue[] {
  if (Array.isArray(value)) return value.filter((item) => !isPrivate(item)).flatMap(socketsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === "transportSocket" ? [socketOf(item)] : socketsIn(item),
  );
}

function clean(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.filter((item) => !isPrivate(item)).map(clean);
  if (typeof value !== "object" || value === null) return value;
  const result: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    if (notCompared.has(key) || key.startsWith("weft.")) continue;
    const kept = key === "filterMetadata" ? withoutPrivate(item) : key === "localJwks" ? keySet(item) : clean(item);
    if (optionalWhenEmpty.has(key) && isEmpty(kept)) continue;
    if (Array.isArray(kept) && kept.length === 0) continue;
    result[key] = kept;
  }
  return result;
}

/** Istio's private filters, and what Weft has in their place. */
function isPrivate(item: JsonValue): boolean {
  if (typeof item !== "object" || item === null || Array.isArray(item)) return false;
  const { name, typedConfig } = item as { name?: unknown; typedConfig?: unknown };
  return typeof name === "string" && /^(istio|weft)[._]/.test(name) && typedConfig !== undefined;
}

function withoutPrivate(metadata: JsonValue): JsonValue {
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) return metadata;
  const { istio: _istio, ...rest } = metadata;
  return rest;
}

/** Of a key set its keys are compared, not how they are written. */
function keySet(source: JsonValue): JsonValue {
  const { inlineString } = (source ?? {}) as { readonly inlineString?: string };
  if (inlineString === undefined) return source;
  const { keys = [] } = JSON.parse(inlineString) as { readonly keys?: readonly JsonObject[] };
  const sorted = keys.map((key) => Object.fromEntries(Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1))));
  return { inlineString: JSON.stringify(sorted.length > 0 ? { keys: sorted } : {}) };
}

function isEmpty(value: JsonValue): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).every((item) => item !== undefined && isEmpty(item));
}
