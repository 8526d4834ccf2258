import { integer, list, map, object, ruled, text } from "./build.ts";
import type { JsonSchema } from "./json-schema.ts";

/** Parts that several kinds share. */

const largest = 4294967295;

export function unsigned(description?: string): JsonSchema {
  return integer(description, { minimum: 0, maximum: largest });
}

export function port(description?: string): JsonSchema {
  return integer(description, { minimum: 1, maximum: 65535 });
}

export const destination: JsonSchema = object(
  {
    host: text("Name of a service. A short name is one of the resource's own namespace."),
    subset: text("A subset that a DestinationRule of the host defines."),
    port: object({ number: unsigned() }, { description: "Port of the host; not needed when it has only one." }),
  },
  { required: ["host"], description: "Where requests go." },
);

export const exportTo: JsonSchema = list(text(), "Namespaces that see the resource: `.` is its own, `*` is every one.");

export const labels: JsonSchema = map(text(), "Labels that a workload must have.");

/** Labels that workloads are selected by: at most `maxProperties`. */
export function selectorLabels(maxProperties: number): JsonSchema {
  const value = ruled(text(undefined, { maxLength: 63 }), { "!self.contains('*')": "must not have a wildcard" });
  return ruled(map(value, "Labels that a workload must have.", { maxProperties }), {
    "self.all(key, key != '')": "must not have an empty key",
    "self.all(key, !key.contains('*'))": "must not have a wildcard in a key",
  });
}
