import { badRequest } from "./api-error.ts";

export type LabelMatch = (labels: Readonly<Record<string, string>> | undefined) => boolean;

const matchesAll: LabelMatch = () => true;

type Operator = "in" | "notin" | "exists" | "absent" | "gt" | "lt";
interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
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

function parseOne(text: string): Requirement {
  const groups = requirementPattern.exec(text)?.groups;
  const key = groups?.["absentKey"] ?? groups?.["setKey"] ?? groups?.["key"] ?? groups?.["exists"] ?? "";
  if (!groups || !keyPattern.test(key))
    throw badRequest(`unable to parse requirement: ${JSON.stringify(text)} is not a label selector requirement`);
  if (groups["absent"]) return { key, operator: "absent", values: [] };
  if (groups["setOperator"])
    return {
      key,
      operator: groups["setOperator"] === "in" ? "in" : "notin",
      values: (groups["set"] ?? "").split(",").map((value) => value.trim()),
    };
  if (groups["operator"]) {
    const operators: Record<string, Operator> = { "=": "in", "==": "in", "!=": "notin", ">": "gt", "<": "lt" };
    return { key, operator: operators[groups["operator"]] ?? "in", values: [groups["value"] ?? ""] };
  }
  return { key, operator: "exists", values: [] };
}

function holds({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "in":
      return value !== undefined && values.includes(value);
    case "notin":
      return value === undefined || !values.includes(value);
    case "gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "lt":
      return value !== undefined && Number(value) < Number(values[0]);
  }
}

/** Kubernetes' label selector syntax (`a=b,c in (d,e),!f`). Throws a 400 for text that isn't one. */
export function parseLabelSelector(text: string): LabelMatch {
  if (text.trim() === "") return matchesAll;
  const requirements = split(text).map(parseOne);
  return (labels) => requirements.every((requirement) => holds(requirement, labels ?? {}));
}
