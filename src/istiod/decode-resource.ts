import { fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { envoyTypes } from "#api/envoy/types.ts";
import type { Resource } from "#xds/resource.ts";

/** A resource in protobuf's JSON form, with `@type`. */
export function decodeResource(resource: Resource): JsonValue {
  return toJson(AnySchema, fromBinary(AnySchema, resource.any), { registry: envoyTypes() });
}
