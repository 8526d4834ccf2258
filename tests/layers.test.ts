import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

// The table of docs/ARCHITECTURE.md: what the sources of a folder may import from other folders. Tests may import anything.
const mayImport: Readonly<Record<string, readonly string[]>> = {
  api: [],
  log: [],
  kube: ["log"],
  dns: ["log"],
  labels: [],
  model: ["api", "labels"],
  config: ["api", "labels", "model"],
  registry: ["api", "model", "config"],
  "gateway-api": ["api", "labels", "model", "inject"],
  snapshot: ["api", "labels", "model", "config", "registry"],
  // Of `xds`, what resources are on the wire.
  envoy: ["api", "model", "config", "registry", "snapshot", "xds"],
  xds: ["api", "model", "log"],
  x509: [],
  ca: ["kube", "log", "x509"],
  status: ["kube", "log", "config", "snapshot"],
  inject: ["api", "labels", "model"],
  webhook: ["kube", "log", "config", "inject", "model", "api"],
  // Of `xds`, only the wire format.
  agent: ["log", "dns", "xds", "x509"],
  redirect: [],
  cluster: ["kube", "log", "dns", "labels"],
};

const source = join(import.meta.dirname, "../src");
const specifier = /^\s*(?:import|export)\s[^"']*?["']([^"']+)["']/gm;

/** The top folder of `src` that an import reaches, if any. */
function targetFolder(file: string, imported: string): string | undefined {
  if (imported.startsWith("#")) return imported.slice(1).split("/", 1)[0];
  if (!imported.startsWith(".")) return undefined;
  const path = relative(source, join(dirname(file), imported));
  return path.startsWith("..") ? undefined : path.split("/", 1)[0];
}

const files = globSync("**/*.ts", { cwd: source }).filter(
  (path) => !/\.(test|fixture|d)\.ts$|(^|\/)test-[^/]+\.ts$/.test(path) && !path.startsWith("api/envoy/gen/"),
);

test("imports between folders go the way docs/ARCHITECTURE.md says", () => {
  const wrong: string[] = [];
  for (const path of files) {
    const folder = path.split("/", 1)[0] ?? "";
    const allowed = mayImport[folder];
    if (allowed === undefined) continue;
    const file = join(source, path);
    for (const [, imported = ""] of readFileSync(file, "utf8").matchAll(specifier)) {
      const target = targetFolder(file, imported);
      if (target !== undefined && target !== folder && !allowed.includes(target))
        wrong.push(`${path} imports ${imported}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("folders that are pure do no input or output", () => {
  const pure = ["api/istio", "labels", "model", "config", "registry", "gateway-api", "snapshot", "envoy", "inject"];
  const forbidden = /^(?:node:(?:fs|net|http|https|http2|child_process|process|timers)(?:\/|$)|pino$|#kube\/|#log\/)/;
  const harmless: Readonly<Record<string, readonly string[]>> = {
    "node:net": ["isIP", "isIPv4", "isIPv6", "BlockList"],
    "node:http": ["STATUS_CODES"],
  };
  const wrong: string[] = [];
  for (const path of files.filter((file) => pure.some((folder) => file.startsWith(`${folder}/`)))) {
    const text = readFileSync(join(source, path), "utf8");
    for (const [, names = "", imported = ""] of text.matchAll(/^import (?:type )?\{([^}]*)\} from "([^"]+)"/gm)) {
      if (!forbidden.test(imported)) continue;
      const used = names
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "");
      if (!used.every((name) => harmless[imported]?.includes(name))) wrong.push(`${path} imports ${imported}`);
    }
    if (/\b(?:Date\.now|Math\.random|process\.env|setTimeout)\b/.test(text))
      wrong.push(`${path} reads the clock, chance or the environment`);
  }
  assert.deepEqual(wrong, []);
});
