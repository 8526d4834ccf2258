import { createRegistry, type DescFile, fromBinary, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { roots } from "#api/envoy/roots.ts";
import type { Resource } from "#xds/resource.ts";

const registry = await loadRegistry();

/** Every Envoy message that is generated: a resource holds extensions of any of them. */
async function loadRegistry(): Promise<Registry> {
  const modules = await Promise.all(
    roots.map(async (proto) => {
      const url = new URL(`../api/envoy/gen/${proto.replace(/\.proto$/, "_pb.js")}`, import.meta.url);
      return (await import(url.href)) as Record<string, unknown>;
    }),
  );
  return createRegistry(...modules.flatMap((module) => Object.values(module).filter(isFile)));
}

function isFile(value: unknown): value is DescFile {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "file";
}

/** A resource in protobuf's JSON form, with `@type`. */
export function decodeResource(resource: Resource): JsonValue {
  return toJson(AnySchema, fromBinary(AnySchema, resource.any), { registry });
}
