/**
 * Writes `fields.txt`: how Kubernetes' types are laid out in protobuf, read from the struct tags of its Go modules.
 *
 *     go mod download k8s.io/api@v0.32.4 k8s.io/apimachinery@v0.32.4
 *     node src/cluster/apiserver/edge/protobuf/generate.ts $(go env GOMODCACHE)/k8s.io v0.32.4
 *
 * A line with a name starts a message; the lines after it are its fields: number, JSON name (`~`: its fields stand in the
 * parent itself), type. Types: s string, b bool, i integer, d double, B bytes, or a message; led by `[]` repeated, `{}` map from string,
 * `*` told apart from absent when zero, `!` written even when zero.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [cache = "", version = ""] = process.argv.slice(2);

interface Package {
  readonly path: string;
  readonly name: string;
  readonly structs: Map<string, Field[]>;
  readonly aliases: Map<string, string>;
}
interface Field {
  readonly number: number;
  readonly json: string;
  readonly inline: boolean;
  readonly omitEmpty: boolean;
  readonly goType: string;
  readonly imports: ReadonlyMap<string, string>;
}

const well: Record<string, string> = {
  "k8s.io/apimachinery/pkg/apis/meta/v1.Time": "Time",
  "k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime": "MicroTime",
  "k8s.io/apimachinery/pkg/apis/meta/v1.Duration": "Duration",
  "k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1": "Raw",
  "k8s.io/apimachinery/pkg/api/resource.Quantity": "Quantity",
  "k8s.io/apimachinery/pkg/util/intstr.IntOrString": "IntOrString",
  "k8s.io/apimachinery/pkg/runtime.RawExtension": "Raw",
  "k8s.io/apimachinery/pkg/types.UID": "s",
  "k8s.io/apimachinery/pkg/types.NodeName": "s",
};
const scalars: Record<string, string> = {
  string: "s",
  bool: "b",
  int: "i",
  int32: "i",
  int64: "i",
  uint32: "i",
  uint64: "i",
  float64: "d",
};

const packages = new Map<string, Package>();

function read(path: string, directory: string): void {
  const structs = new Map<string, Field[]>();
  const aliases = new Map<string, string>();
  let group = path.endsWith("meta/v1") ? "meta" : undefined;
  for (const file of readdirSync(directory).filter(
    (name) => name.endsWith(".go") && !name.endsWith("_test.go") && !name.includes("generated"),
  )) {
    const text = readFileSync(join(directory, file), "utf8");
    group ??= /GroupName = "(?<group>[^"]*)"/.exec(text)?.groups?.["group"];
    const imports = new Map<string, string>();
    for (const [, alias, imported = ""] of text.matchAll(/^\s*(?:import\s+)?(\w+)?\s*"((?:k8s\.io|encoding)[^"]*)"/gm))
      imports.set(alias ?? imported.split("/").at(-1) ?? "", imported);
    for (const [, name = "", body = ""] of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
      const fields: Field[] = [];
      for (const [, before = "", tags = ""] of body.matchAll(/^\s*([^/`\n]+?)\s*`([^`]*)`/gm)) {
        const protobuf = /protobuf:"[^,"]*,(?<number>\d+)/.exec(tags)?.groups?.["number"];
        const json = /json:"(?<name>[^,"]*)(?<rest>[^"]*)"/.exec(tags)?.groups;
        if (!protobuf || !json) continue;
        const words = before.split(/\s+/);
        fields.push({
          number: Number(protobuf),
          json: json["name"] ?? "",
          inline: (json["rest"] ?? "").includes("inline"),
          omitEmpty: (json["rest"] ?? "").includes("omitempty"),
          goType: words.slice(words.length > 1 ? 1 : 0).join(""),
          imports,
        });
      }
      structs.set(name, fields);
    }
    for (const [, name = "", type = ""] of text.matchAll(/^type (\w+) ((?:\[\]|map\[)?[\w.[\]]+)$/gm))
      aliases.set(name, type);
  }
  const label = path.split("/").at(-1) ?? "";
  packages.set(path, { path, name: `${group ?? "meta"}/${label}`, structs, aliases });
}

read("k8s.io/apimachinery/pkg/apis/meta/v1", join(cache, `apimachinery@${version}/pkg/apis/meta/v1`));
const api = join(cache, `api@${version}`);
for (const group of readdirSync(api, { withFileTypes: true }))
  if (group.isDirectory())
    for (const inner of readdirSync(join(api, group.name)).filter((name) => /^v\d+$/.test(name)))
      read(`k8s.io/api/${group.name}/${inner}`, join(api, group.name, inner));

function typeOf(goType: string, from: Package, imports: ReadonlyMap<string, string>): string {
  if (goType === "[]byte") return "B";
  if (goType.startsWith("*")) return `*${typeOf(goType.slice(1), from, imports).replace(/^\*/, "")}`;
  if (goType.startsWith("[]")) return `[]${typeOf(goType.slice(2), from, imports)}`;
  const map = /^map\[[\w.]+\](?<value>.+)$/.exec(goType)?.groups;
  if (map) return `{}${typeOf(map["value"] ?? "", from, imports)}`;
  if (scalars[goType]) return scalars[goType];
  const [first = "", second] = goType.split(".");
  const path = second === undefined ? from.path : (imports.get(first) ?? "");
  const name = second ?? first;
  const known = well[`${path}.${name}`];
  if (known) return known;
  const owner = packages.get(path);
  const alias = owner?.aliases.get(name);
  if (owner && alias) {
    // A named list is a message around it.
    if (alias.startsWith("[]")) return "Items";
    return typeOf(alias, owner, new Map([["resource", "k8s.io/apimachinery/pkg/api/resource"]]));
  }
  if (owner?.structs.has(name)) return `${owner.name}.${name}`;
  throw new Error(`${from.path}: what is ${goType}?`);
}

const lines: string[] = [];
const wanted = new Set<string>();
const queue: string[] = [];
const want = (type: string) => {
  const name = type.replace(/^(?:\[\]|\{\}|\*|!)+/, "");
  if (name.includes(".") && !wanted.has(name)) {
    wanted.add(name);
    queue.push(name);
  }
};
const byName = new Map([...packages.values()].map((one) => [one.name, one]));
for (const one of packages.values())
  for (const [name, fields] of one.structs)
    if (fields.some(({ json }) => json === "metadata") && !name.endsWith("List")) want(`${one.name}.${name}`);
want("meta/v1.DeleteOptions");
for (let name = queue.shift(); name; name = queue.shift()) {
  const dot = name.lastIndexOf(".");
  const owner = byName.get(name.slice(0, dot));
  lines.push(name);
  for (const field of owner?.structs.get(name.slice(dot + 1)) ?? []) {
    if (!owner) continue;
    const type = typeOf(field.goType, owner, field.imports);
    want(type);
    const kept = !field.omitEmpty && /^[sbid]$/.test(type) ? "!" : "";
    lines.push(`${field.number} ${field.inline ? "~" : field.json} ${kept}${type}`);
  }
}
writeFileSync(new URL("fields.txt", import.meta.url), `${lines.join("\n")}\n`);
