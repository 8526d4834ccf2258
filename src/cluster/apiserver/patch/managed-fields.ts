import { type FieldSet, parseFieldSet, sorted, union } from "./field-set.ts";

/** An entry of `metadata.managedFields`. */
export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: "Apply" | "Update";
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: "FieldsV1";
  readonly fieldsV1?: object;
  readonly subresource?: string;
}

/** An entry with its set parsed. */
export interface Manager {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly time: string;
  readonly subresource: string;
  readonly set: FieldSet;
  /** Where this was read from, as long as it says the same. */
  readonly entry?: ManagedFieldsEntry | undefined;
}

/** Kubernetes: `DefaultMaxUpdateManagers`; older ones are joined under the name `ancient-changes`. */
const maxUpdateManagers = 10;

/** The entries of an object; undefined when they can't be read (an update that breaks them is ignored, as in Kubernetes). */
export function readManagers(entries: unknown): Manager[] | undefined {
  if (entries === undefined || entries === null) return [];
  if (!Array.isArray(entries)) return undefined;
  const managers: Manager[] = [];
  for (const entry of entries as ManagedFieldsEntry[]) {
    const set = parseFieldSet(entry.fieldsV1);
    if (!set || (entry.operation !== "Apply" && entry.operation !== "Update")) return undefined;
    const { manager = "", operation, apiVersion = "", time = "", subresource = "" } = entry;
    managers.push({ manager, operation, apiVersion, time, subresource, set, entry });
  }
  return managers;
}

/** Kubernetes: an applier is the same one whatever version it applies, an updater is not. */
export function sameManager(a: Omit<Manager, "set" | "time">, b: Omit<Manager, "set" | "time">): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.subresource === b.subresource &&
    (a.operation === "Apply" || a.apiVersion === b.apiVersion)
  );
}

/** The entries as Kubernetes orders them. */
export function writeManagers(managers: readonly Manager[]): ManagedFieldsEntry[] {
  return capped(managers)
    .sort((a, b) => order(a.operation, b.operation) || order(a.time, b.time) || order(a.manager, b.manager))
    .map((manager) => manager.entry ?? written(manager));
}

function written({ manager, operation, apiVersion, time, subresource, set }: Manager): ManagedFieldsEntry {
  return {
    ...(manager ? { manager } : {}),
    operation,
    apiVersion,
    ...(time ? { time } : {}),
    fieldsType: "FieldsV1",
    fieldsV1: sorted(set),
    ...(subresource ? { subresource } : {}),
  };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function capped(managers: readonly Manager[]): Manager[] {
  const updates = managers.filter(({ operation }) => operation === "Update").sort((a, b) => order(a.time, b.time));
  const tooMany = updates.slice(0, Math.max(0, updates.length - maxUpdateManagers + 1));
  if (updates.length <= maxUpdateManagers) return [...managers];
  const joined = new Map<string, Manager>();
  for (const old of tooMany) {
    const known = joined.get(old.apiVersion);
    joined.set(old.apiVersion, {
      ...old,
      entry: undefined,
      manager: "ancient-changes",
      subresource: "",
      set: union(known?.set, old.set) ?? {},
    });
  }
  return [...managers.filter((manager) => !tooMany.includes(manager)), ...joined.values()];
}
