import { createHash } from "node:crypto";
import type { JSONSchema } from "./json-schema.ts";
import { pathsOf, type ServedKind } from "./openapi-paths.ts";
import { Components, type Describe } from "./openapi-schema.ts";

const info = { title: "Kubernetes", version: "v1.32.4" };

const schemaHashes = new WeakMap<JSONSchema, string>();

/**
 * Changes whenever the document made of these kinds does, also between two runs of the server: clients keep a document
 * for as long as its hash is the same.
 */
export function openApiHash(kinds: readonly ServedKind[]): string {
  const hash = createHash("sha256").update(info.version);
  for (const { schema, ...names } of kinds) hash.update(JSON.stringify(names)).update(schema ? schemaHash(schema) : "");
  return hash.digest("hex").slice(0, 32);
}

function schemaHash(schema: JSONSchema): string {
  const known = schemaHashes.get(schema);
  if (known) return known;
  const hash = createHash("sha256").update(JSON.stringify(schema)).digest("hex");
  schemaHashes.set(schema, hash);
  return hash;
}

/** `/openapi/v3`: where each group-version's document is. `hash` is {@link openApiHash} of its kinds. */
export function openApiV3Index(
  groupVersions: readonly { readonly group: string; readonly version: string; readonly hash?: string }[],
): object {
  const entries = groupVersions.map(({ group, version, hash }) => {
    const path = group === "" ? `api/${version}` : `apis/${group}/${version}`;
    return [path, { serverRelativeURL: `/openapi/v3/${path}${hash ? `?hash=${hash}` : ""}` }];
  });
  return { paths: Object.fromEntries(entries) };
}

/** `/openapi/v3/apis/GROUP/VERSION`: enough for kubectl's `apply`, `explain` and `--validate`. */
export function openApiV3Document(
  gv: { readonly group: string; readonly version: string },
  kinds: readonly ServedKind[],
  describe?: Describe,
): object {
  const components = new Components("v3", describe);
  const paths: Record<string, object> = {};
  for (const kind of kinds.filter(({ group, version }) => group === gv.group && version === gv.version)) {
    components.addKind(kind);
    Object.assign(paths, pathsOf(kind, "v3"));
  }
  return { openapi: "3.0.0", info, paths, components: { schemas: components.schemas } };
}

/** `/openapi/v2`: everything in one document. */
export function openApiV2(kinds: readonly ServedKind[]): object {
  const components = new Components("v2");
  const paths: Record<string, object> = {};
  for (const kind of kinds) {
    components.addKind(kind);
    Object.assign(paths, pathsOf(kind, "v2"));
  }
  return { swagger: "2.0", info, paths, definitions: components.schemas };
}
