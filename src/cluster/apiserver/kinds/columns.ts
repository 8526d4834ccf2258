import { at, isFields, type Obj } from "../object.ts";
import type { Cell, Column } from "./kind.ts";

export const nameColumn: Column = { name: "Name", type: "string", format: "name" };
export const ageColumn: Column = { name: "Age", type: "string" };

export function column(name: string, type: Column["type"] = "string", priority = 0): Column {
  return { name, type, ...(priority ? { priority } : {}) };
}

/** `45s`, `3m10s`, `5h`, `2d3h`: how kubectl writes the time since `from` (k8s.io/apimachinery HumanDuration). */
export function duration(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 === 0 ? `${minutes}m` : `${minutes}m${seconds % 60}s`;
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return minutes % 60 === 0 ? `${hours}h` : `${hours}h${minutes % 60}m`;
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return hours % 24 === 0 ? `${days}d` : `${days}d${hours % 24}h`;
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  if (years < 8) return days % 365 === 0 ? `${years}y` : `${years}y${days % 365}d`;
  return `${years}y`;
}

export function since(time: unknown): string {
  const from = typeof time === "string" ? Date.parse(time) : Number.NaN;
  return Number.isNaN(from) ? "<unknown>" : duration(Date.now() - from);
}

export function age(object: { metadata?: { creationTimestamp?: string } }): string {
  return since(object.metadata?.creationTimestamp);
}

/** `a=b,c=d`, or `<none>`. */
export function labelText(labels: unknown): string {
  if (!isFields(labels)) return "<none>";
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`);
  return pairs.length === 0 ? "<none>" : pairs.sort().join(",");
}

/** A LabelSelector object as kubectl writes it. */
export function selectorText(selector: unknown): string {
  if (!isFields(selector)) return "<none>";
  const parts: string[] = [];
  const labels = selector["matchLabels"];
  if (isFields(labels)) for (const key of Object.keys(labels).sort()) parts.push(`${key}=${String(labels[key])}`);
  const expressions = selector["matchExpressions"];
  if (Array.isArray(expressions))
    for (const expression of expressions as { key: string; operator: string; values?: string[] }[]) {
      const values = `(${[...(expression.values ?? [])].sort().join(",")})`;
      if (expression.operator === "In") parts.push(`${expression.key} in ${values}`);
      else if (expression.operator === "NotIn") parts.push(`${expression.key} notin ${values}`);
      else parts.push(expression.operator === "Exists" ? expression.key : `!${expression.key}`);
    }
  return parts.length === 0 ? "<none>" : parts.join(",");
}

/** Names and images of a pod template's containers: two cells. */
export function containerCells(template: unknown): [string, string] {
  const containers = at(template, "spec.containers");
  const list = Array.isArray(containers) ? (containers as { name?: string; image?: string }[]) : [];
  return [list.map(({ name }) => name ?? "").join(","), list.map(({ image }) => image ?? "").join(",")];
}

export function numberAt(object: unknown, path: string): number {
  const value = at(object, path);
  return typeof value === "number" ? value : 0;
}

export function textAt(object: unknown, path: string, absent = "<none>"): string {
  const value = at(object, path);
  if (value === undefined || value === null || value === "") return absent;
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What a kind without columns of its own shows. */
export const defaultTable: { columns: Column[]; cells: (object: Obj) => Cell[] } = {
  columns: [nameColumn, { name: "Age", type: "date" }],
  cells: (object) => [object.metadata.name ?? "", object.metadata.creationTimestamp ?? null],
};
