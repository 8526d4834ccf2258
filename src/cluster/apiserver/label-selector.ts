import { labelOf } from "#labels/label-selector.ts";
import { holds, type Requirement } from "#labels/requirement.ts";
import { badRequest } from "./api-error.ts";

export type LabelMatch = (labels: Readonly<Record<string, string>> | undefined) => boolean;

const matchesAll: LabelMatch = () => true;

interface KeyRequirement extends Requirement {
  readonly key: string;
}

const keyPattern = /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/;
const requirementPattern =
  /^(?:(?<absent>!)\s*(?<absentKey>[^\s,()=!<>]+)|(?<setKey>[^\s,()=!<>]+)\s+(?<setOperator>in|notin)\s*\((?<set>[^()]*)\)|(?<key>[^\s,()=!<>]+)\s*(?<operator>==|=|!=|<|>)\s*(?<value>[^\s,()=!<>]*)|(?<exists>[^\s,()=!<>]+))$/;

/** Splits at commas that are not inside parentheses. */
function split(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === "(") depth++;
    else if (character === ")") depth--;
    else if (character === "," && depth === 0) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim());
}

function parseOne(text: string): KeyRequirement {
  const groups = requirementPattern.exec(text)?.groups;
  const key = groups?.["absentKey"] ?? groups?.["setKey"] ?? groups?.["key"] ?? groups?.["exists"] ?? "";
  if (!groups || !keyPattern.test(key))
    throw badRequest(`unable to parse requirement: ${JSON.stringify(text)} is not a label selector requirement`);
  if (groups["absent"]) return { key, operator: "DoesNotExist" };
  if (groups["setOperator"])
    return {
      key,
      operator: groups["setOperator"] === "in" ? "In" : "NotIn",
      values: (groups["set"] ?? "").split(",").map((value) => value.trim()),
    };
  if (groups["operator"]) {
    const operators: Record<string, string> = { "!=": "NotIn", ">": "Gt", "<": "Lt" };
    return { key, operator: operators[groups["operator"]] ?? "In", values: [groups["value"] ?? ""] };
  }
  return { key, operator: "Exists" };
}

/** Kubernetes' label selector syntax (`a=b,c in (d,e),!f`). Throws a 400 for text that isn't one. */
export function parseLabelSelector(text: string): LabelMatch {
  if (text.trim() === "") return matchesAll;
  const requirements = split(text).map(parseOne);
  return (labels) => requirements.every((requirement) => holds(requirement, labelOf(labels, requirement.key)));
}
