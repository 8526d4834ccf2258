import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import type { InjectSettings } from "#inject/inject.ts";
import { injectManifest } from "#inject/inject-manifest.ts";
import { mergeValues } from "#inject/merge-values.ts";
import type { InjectMeshConfig } from "#inject/mesh.ts";
import { completeInjectValues } from "#inject/values.ts";
import type { AcceptCase, AcceptSuite } from "./suite.ts";

interface Case {
  readonly name: string;
  readonly in: string;
  readonly want?: string;
  readonly expectedError?: string;
  readonly expectedLog?: string;
  readonly setFlags?: readonly string[];
  readonly valuesFile?: string;
  readonly meshConfig?: object;
  readonly env?: Readonly<Record<string, string>>;
  readonly nodes?: readonly string[];
}

interface Expectations {
  readonly defaults: { readonly nodes: readonly string[]; readonly revision: string };
  readonly cases: readonly Case[];
}

type Tree = Record<string, unknown>;

const defaultMesh: InjectMeshConfig = { trustDomain: "cluster.local", enablePrometheusMerge: true, defaultConfig: {} };

/** `a.b=c` as a tree; text is read as Helm reads `--set`. */
function flagTree(flag: string): Tree {
  const at = flag.indexOf("=");
  const value: unknown = /^(true|false|\d+)$/.test(flag.slice(at + 1))
    ? JSON.parse(flag.slice(at + 1))
    : flag.slice(at + 1);
  return flag
    .slice(0, at)
    .split(".")
    .reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Tree;
}

/** Install settings (`values.…`, `components.…`, `meshConfig`) as what reaches the injector. */
function settingsOf(install: Tree, item: Case, defaults: Expectations["defaults"]): InjectSettings {
  const { values = {}, components = {}, meshConfig = {} } = install as Record<string, Tree>;
  const cni = {
    enabled: (components["cni"] as Tree | undefined)?.["enabled"] === true,
    ...(values["cni"] as Tree | undefined),
  };
  const { provider = "default", enabled } = cni as { provider?: string; enabled: boolean };
  return {
    values: completeInjectValues(mergeValues(values, { pilot: { cni: { enabled, provider } } })),
    mesh: mergeValues(mergeValues(defaultMesh, meshConfig), item.meshConfig ?? {}) as InjectMeshConfig,
    revision: defaults.revision,
    environment: {
      enableNativeSidecars: item.env?.["ENABLE_NATIVE_SIDECARS"] ?? "auto",
      compliancePolicy: item.env?.["COMPLIANCE_POLICY"] ?? "",
    },
    kubeletVersions: item.nodes ?? defaults.nodes,
  };
}

const jsonAnnotations = ["sidecar.istio.io/status", "proxy.istio.io/overrides", "k8s.v1.cni.cncf.io/networks"];
const jsonEnv = ["PROXY_CONFIG", "ISTIO_KUBE_APP_PROBERS", "ISTIO_META_POD_PORTS", "ISTIO_PROMETHEUS_ANNOTATIONS"];
const injectedNames = ["istio-proxy", "istio-init", "istio-validation", "enable-core-dump"];

/** The same thing for things that mean the same: empty and absent, JSON text, quantities, images that aren't compared. */
function comparable(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => comparable(item)).filter((item) => item !== undefined);
    return items.length > 0 ? items : undefined;
  }
  if (typeof value !== "object" || value === null) {
    if (value === null || value === undefined) return undefined;
    return key === "requests" || key === "limits" ? quantity(value) : value;
  }
  const map = value as Tree;
  const entries = Object.entries(map).flatMap(([name, inner]): [string, unknown][] => {
    // written out as zero by Go, absent in the input; injection doesn't touch them
    if (name === "creationTimestamp" || (name === "status" && "kind" in map)) return [];
    if ((name === "minReadySeconds" || name === "paused" || name === "test") && !inner) return [];
    if (name === "image" && injectedNames.includes(String(map["name"]))) return [];
    if (jsonAnnotations.includes(name) && typeof inner === "string" && /^[[{]/.test(inner))
      return [[name, comparable(JSON.parse(inner))]];
    if (name === "value" && jsonEnv.includes(String(map["name"])))
      return [[name, comparable(JSON.parse(String(inner)))]];
    if (name === "value" && inner === "") return [];
    if (name === "initialDelaySeconds" && inner === 0) return [];
    if (key === "requests" || key === "limits") return [[name, quantity(inner)]];
    const compared = comparable(inner, name);
    return compared === undefined ? [] : [[name, compared]];
  });
  return entries.length > 0 ? Object.fromEntries(entries) : undefined;
}

const units: Readonly<Record<string, number>> = { m: 1e-3, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

function quantity(value: unknown): unknown {
  const [, number, unit] = /^([\d.]+)(m|Ki|Mi|Gi)?$/.exec(String(value)) ?? [];
  return number === undefined ? value : Number(number) * (units[unit ?? ""] ?? 1);
}

function documents(text: string): unknown[] {
  return parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .filter((document) => document !== null)
    .map((document) => comparable(document));
}

async function run(folder: string, item: Case, defaults: Expectations["defaults"]): Promise<void> {
  const read = (name: string): Promise<string> => readFile(join(folder, "testdata", name), "utf8");
  const overlay = item.valuesFile ? (parse(await read(item.valuesFile)) as { spec?: Tree }).spec : {};
  const install = (item.setFlags ?? [])
    .map(flagTree)
    .reduce((tree, flag) => mergeKeepingNull(tree, flag), overlay ?? {});
  const result = injectManifest(await read(item.in), settingsOf(install, item, defaults));
  if (item.expectedError !== undefined) {
    assert.equal(result.kind, "refused");
    assert.ok(
      result.kind === "refused" && result.message.toLowerCase().includes(item.expectedError),
      JSON.stringify(result),
    );
    return;
  }
  assert.equal(result.kind, "injected", JSON.stringify(result));
  if (result.kind !== "injected") return;
  if (item.expectedLog !== undefined) assert.ok(result.warnings.join("\n").includes(item.expectedLog));
  if (item.want !== undefined) assert.deepEqual(documents(result.text), documents(await read(item.want)));
}

/** Trees merged; null stays, because it must still take a default away. */
function mergeKeepingNull(base: Tree, over: Tree): Tree {
  const merged: Tree = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const both = [merged[key], value].every((item) => typeof item === "object" && item !== null);
    merged[key] = both ? mergeKeepingNull(merged[key] as Tree, value as Tree) : value;
  }
  return merged;
}

const suite: AcceptSuite = async (folder) => {
  const data = JSON.parse(await readFile(join(folder, "expectations.json"), "utf8")) as Expectations;
  return data.cases.map((item): AcceptCase => ({ name: item.name, run: () => run(folder, item, data.defaults) }));
};

export default suite;
