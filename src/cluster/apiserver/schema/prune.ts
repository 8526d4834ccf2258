import { definition } from "./definitions.ts";
import type { JSONSchema } from "./json-schema.ts";

export interface Pruned {
  readonly value: unknown;
  /** Paths of fields that the schema doesn't know, for example `spec.http[0].foo`. */
  readonly dropped: string[];
}

/** Fields of any Kubernetes object, which a CRD's schema need not name. */
const typeFields: Readonly<Record<string, JSONSchema>> = { apiVersion: { type: "string" }, kind: { type: "string" } };

/**
 * The object without the fields its schema doesn't know (Kubernetes: "structural pruning", and strict decoding of built-in
 * kinds). Parts without unknown fields are shared with `value`. `value` is a whole object: it may always have `apiVersion`,
 * `kind` and `metadata`.
 */
export function prune(value: unknown, schema: JSONSchema): Pruned {
  const dropped: string[] = [];
  return { value: visit(value, schema, "", dropped, true), dropped };
}

function visit(value: unknown, schema: JSONSchema, path: string, dropped: string[], isResource: boolean): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return value;
    const embedded = items["x-kubernetes-embedded-resource"] === true;
    const next = value.map((item, index) => visit(item, items, `${path}[${index}]`, dropped, embedded));
    return next.some((item, index) => item !== value[index]) ? next : value;
  }
  if (typeof value !== "object" || value === null) return value;
  const resource = isResource || schema["x-kubernetes-embedded-resource"] === true;
  let changed = false;
  const kept: [string, unknown][] = [];
  for (const [name, inner] of Object.entries(value)) {
    const place = path === "" ? name : `${path}.${name}`;
    const known = fieldOf(schema, name, resource);
    if (known === "unknown") {
      dropped.push(place);
      changed = true;
      continue;
    }
    const next = known === "kept" ? inner : visit(inner, known, place, dropped, false);
    if (next !== inner) changed = true;
    kept.push([name, next]);
  }
  return changed ? Object.fromEntries(kept) : value;
}

function fieldOf(schema: JSONSchema, name: string, isResource: boolean): JSONSchema | "kept" | "unknown" {
  const own = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
  if (isResource && name === "metadata" && !own?.properties)
    return definition("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta") ?? "kept";
  if (own) return own;
  if (isResource && Object.hasOwn(typeFields, name)) return "kept";
  if (typeof schema.additionalProperties === "object") return schema.additionalProperties;
  if (schema.additionalProperties === true || schema["x-kubernetes-preserve-unknown-fields"]) return "kept";
  return "unknown";
}
