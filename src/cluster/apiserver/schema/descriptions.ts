import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createLog } from "#log/log.ts";

const log = createLog("openapi");
/** By file of kubernetes-types: `Interface` or `Interface.field` to its words. */
const files = new Map<string, ReadonlyMap<string, string>>();

/**
 * What a built-in definition, or one of its fields, is for, as Kubernetes documents it. The words are read when first asked
 * for, from the comments of the package `kubernetes-types`; without that package nothing is known.
 */
export function describeBuiltin(definition: string, field?: string): string | undefined {
  const [name = "", version = "", group = ""] = definition.split(".").reverse();
  if (!/^v\d/.test(version)) return undefined;
  return wordsOf(`${group}/${version}.d.ts`).get(field === undefined ? name : `${name}.${field}`);
}

function wordsOf(file: string): ReadonlyMap<string, string> {
  const known = files.get(file);
  if (known) return known;
  let words: ReadonlyMap<string, string> = new Map();
  try {
    words = parse(readFileSync(fileURLToPath(import.meta.resolve(`kubernetes-types/${file}`)), "utf8"));
  } catch (error) {
    log.debug("no descriptions for explain", { file, error });
  }
  files.set(file, words);
  return words;
}

function parse(text: string): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  let owner = "";
  // A comment, and what stands after it: an interface, or a field of the one before.
  for (const { groups } of text.matchAll(
    /(?:\/\*\*(?<comment>[^]*?)\*\/\s*)?(?:export (?:interface|type) (?<owner>\w+)|^ {4}(?:readonly )?(?<field>[\w$-]+)\??:)/gm,
  )) {
    owner = groups?.["owner"] ?? owner;
    const field = groups?.["field"];
    const comment = groups?.["comment"]?.replaceAll(/\n\s*\* ?/g, "\n").trim();
    if (comment) words.set(field === undefined ? owner : `${owner}.${field}`, comment);
  }
  return words;
}
