/**
 * Writes definitions.txt from Kubernetes' published swagger. Run by hand when the reported version of Kubernetes changes:
 *
 *   go mod download -json k8s.io/kubernetes@v1.32.9        # prints "Dir"
 *   node src/cluster/apiserver/schema/generate.ts "$DIR/api/openapi-spec/swagger.json"
 *
 * Only facts are kept (names, types, list types, merge keys, required fields); descriptions are not.
 * The format is read by definitions.ts and described there.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface Definition {
  type?: string;
  format?: string;
  $ref?: string;
  required?: string[];
  items?: Definition;
  additionalProperties?: Definition;
  properties?: Record<string, Definition>;
  "x-kubernetes-list-type"?: string;
  "x-kubernetes-list-map-keys"?: string[];
  "x-kubernetes-map-type"?: string;
  "x-kubernetes-patch-merge-key"?: string;
  "x-kubernetes-patch-strategy"?: string;
  "x-kubernetes-group-version-kind"?: { group: string; version: string; kind: string }[];
}

/** Served groups; everything reachable from their kinds is written. */
const groups = new Set(
  (
    "/v1 apps/v1 batch/v1 discovery.k8s.io/v1 autoscaling/v1 autoscaling/v2 policy/v1 rbac.authorization.k8s.io/v1 " +
    "networking.k8s.io/v1 coordination.k8s.io/v1 admissionregistration.k8s.io/v1 apiextensions.k8s.io/v1 " +
    "authentication.k8s.io/v1 authorization.k8s.io/v1 storage.k8s.io/v1 scheduling.k8s.io/v1 events.k8s.io/v1 " +
    "apiregistration.k8s.io/v1 certificates.k8s.io/v1 node.k8s.io/v1 flowcontrol.apiserver.k8s.io/v1"
  ).split(" "),
);

/** Defaults of list keys; the swagger leaves defaults out, its v3 form has them. */
const keyDefaults: Readonly<Record<string, string>> = {
  "io.k8s.api.core.v1.ContainerPort.protocol": "TCP",
  "io.k8s.api.core.v1.ServicePort.protocol": "TCP",
};

const refName = (ref: string): string => ref.replace("#/definitions/", "");

function typeOf(schema: Definition): string {
  if (schema.$ref) return refName(schema.$ref);
  if (schema.type === "array") return `[${typeOf(schema.items ?? {})}]`;
  if (schema.additionalProperties) return `{${typeOf(schema.additionalProperties)}}`;
  if (!schema.type) return "any";
  return schema.format ? `${schema.type}:${schema.format}` : schema.type;
}

function marksOf(schema: Definition): string[] {
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"];
  const marks: string[] = [];
  if (listType === "map") marks.push(`map=${(keys ?? []).join(",")}`);
  else if (listType) marks.push(listType);
  if (schema["x-kubernetes-map-type"] === "atomic") marks.push("atomic-map");
  if (schema["x-kubernetes-patch-merge-key"]) marks.push(`key=${schema["x-kubernetes-patch-merge-key"]}`);
  if (schema["x-kubernetes-patch-strategy"]) marks.push(`patch=${schema["x-kubernetes-patch-strategy"]}`);
  return marks;
}

function refsOf(schema: Definition): string[] {
  const inner = [schema.items, schema.additionalProperties, ...Object.values(schema.properties ?? {})];
  return [
    ...(schema.$ref ? [refName(schema.$ref)] : []),
    ...inner.filter((part) => part !== undefined).flatMap(refsOf),
  ];
}

function write(name: string, schema: Definition): string[] {
  const kinds = (schema["x-kubernetes-group-version-kind"] ?? [])
    .map(({ group, version, kind }) => `${group}/${version}/${kind}`)
    .filter((gvk) => groups.has(gvk.slice(0, gvk.lastIndexOf("/"))));
  const type = schema.properties ? [] : [`type=${typeOf(schema)}`];
  const required = new Set(schema.required);
  return [
    [`= ${name}`, ...type, ...marksOf(schema), ...kinds.map((gvk) => `kind=${gvk}`)].join(" "),
    ...Object.entries(schema.properties ?? {}).map(([field, part]) =>
      [
        `${field}${required.has(field) ? "!" : ""}`,
        typeOf(part),
        ...marksOf(part),
        ...(keyDefaults[`${name}.${field}`] ? [`default=${keyDefaults[`${name}.${field}`]}`] : []),
      ].join(" "),
    ),
  ];
}

const source = process.argv[2];
if (source === undefined) throw new Error("give the path of swagger.json (see the head of this file)");
const swagger = JSON.parse(readFileSync(source, "utf8")) as { definitions: Record<string, Definition> };
const version = /@(v[0-9.]+)/.exec(source)?.[1] ?? "of an unknown version";
const wanted = new Set<string>();
const pending = Object.entries(swagger.definitions)
  .filter(([, schema]) =>
    schema["x-kubernetes-group-version-kind"]?.some(({ group, version }) => groups.has(`${group}/${version}`)),
  )
  .map(([name]) => name);
for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
  if (wanted.has(name)) continue;
  wanted.add(name);
  pending.push(...refsOf(swagger.definitions[name] ?? {}));
}
const lines = [...wanted].sort().flatMap((name) => write(name, swagger.definitions[name] ?? {}));
const head = `# Kubernetes ${version}, written by generate.ts\n`;
// Two prefixes make up most names.
const text = lines.join("\n").replaceAll("io.k8s.apimachinery.pkg.apis.meta.v1.", "~m.").replaceAll("io.k8s.api.", "~");
writeFileSync(new URL("./definitions.txt", import.meta.url), `${head}${text}\n`);
