import { integer, list, map, object, text } from "./build.ts";
import type { JsonSchema } from "./json-schema.ts";

/** Parts that several kinds share. */

const largest = 4294967295;

export function unsigned(description?: string): JsonSchema {
  return integer(description, { minimum: 0, maximum: largest });
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
