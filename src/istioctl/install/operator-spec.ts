import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { readUserFile } from "../read-file.ts";
import { UsageError } from "../usage-error.ts";
import { isTree, mergeTrees, type Tree, textAt, treeAt } from "./merge.ts";
import { applySetFlag } from "./set-flag.ts";

const manifests = new URL("../../../manifests/", import.meta.url);
const profileNames = ["default", "demo", "minimal", "empty"];

export interface SpecSources {
  /** `-f`: paths of IstioOperator files, later ones win; `-` is standard input. */
  readonly files: readonly string[];
  /** `--set path=value`, over the files. */
  readonly set: readonly string[];
  readonly revision?: string;
}

/**
 * The whole IstioOperator `spec`: default values, the profile, the files, the flags, in this order.
 * Throws {@link UsageError} for a bad file, flag or profile name.
 */
export function resolveOperatorSpec(sources: SpecSources): Tree {
  let user: Tree = {};
  for (const file of sources.files) user = mergeTrees(user, readOperatorFile(file));
  for (const flag of sources.set) user = applySetFlag(user, flag);
  const profile = textAt(user, "profile") || "default";
  const base = profileSpec("default");
  const chosen = profile === "default" ? {} : profileSpec(profile);
  const defaults: Tree = { values: { ...readYaml("values/istiod.yaml"), gateways: readYaml("values/gateway.yaml") } };
  const spec = mergeTrees(defaults, base, chosen, user, { profile });
  return sources.revision ? mergeTrees(spec, { values: { revision: sources.revision } }) : spec;
}

function profileSpec(name: string): Tree {
  if (!profileNames.includes(name)) {
    throw new UsageError(`profile "${name}" is not known; there are ${profileNames.join(", ")}`);
  }
  return treeAt(readYaml(`profiles/${name}.yaml`), "spec");
}

function readYaml(path: string): Tree {
  return parseTree(readFileSync(new URL(path, manifests), "utf8"), path);
}

function readOperatorFile(path: string): Tree {
  const tree = parseTree(readUserFile(path), path);
  const kind = textAt(tree, "kind");
  if (kind !== "IstioOperator") throw new UsageError(`${path}: kind is "${kind}", expected IstioOperator`);
  return treeAt(tree, "spec");
}

function parseTree(text: string, path: string): Tree {
  const [document] = parseAllDocuments(text);
  if (!document || !("errors" in document)) return {};
  const [error] = document.errors;
  if (error) throw new UsageError(`${path}: ${error.message}`);
  const value: unknown = document.toJS();
  if (!isTree(value)) throw new UsageError(`${path}: expected a YAML object`);
  return value;
}
