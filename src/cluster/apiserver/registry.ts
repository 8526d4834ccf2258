import type { Kind, ServedVersion } from "./kinds/kind.ts";

/** A kind in the version that a request named. */
export interface Served {
  readonly kind: Kind;
  readonly version: ServedVersion;
}

export interface GroupListing {
  readonly group: string;
  /** Preferred first. */
  readonly versions: readonly { readonly version: string; readonly served: readonly Served[] }[];
}

/** Which kinds are served under which paths. */
export interface Registry {
  find(group: string, version: string, plural: string): Served | undefined;
  /** Whatever the version. */
  findPlural(group: string, plural: string): Kind | undefined;
  findKind(group: string, kind: string): Kind | undefined;
  groups(): readonly GroupListing[];
  /** Puts, replaces or (undefined) takes away the kind of a CustomResourceDefinition. */
  setCustom(definition: string, kind: Kind | undefined): void;
  /** Grows when what is served changes; for caches of documents made from it. */
  readonly generation: number;
}

const versionPattern = /^v(?<major>\d+)(?:(?<level>alpha|beta)(?<minor>\d+))?$/;

/** Kubernetes' order: v10 > v2 > v1 > v1beta2 > v1beta1 > v1alpha1, then what isn't of that form by its name. */
export function compareVersions(a: string, b: string): number {
  const left = versionPattern.exec(a)?.groups;
  const right = versionPattern.exec(b)?.groups;
  if (!left || !right) return left ? -1 : right ? 1 : a < b ? -1 : 1;
  const rank = (level: string | undefined) => (level === undefined ? 2 : level === "beta" ? 1 : 0);
  return (
    rank(right["level"]) - rank(left["level"]) ||
    Number(right["major"]) - Number(left["major"]) ||
    Number(right["minor"] ?? 0) - Number(left["minor"] ?? 0)
  );
}

export function createRegistry(builtin: readonly Kind[]): Registry {
  const custom = new Map<string, Kind>();
  let generation = 0;
  let byPath = new Map<string, Served>();
  let listing: GroupListing[] = [];

  function rebuild(): void {
    generation++;
    byPath = new Map();
    const groups = new Map<string, Map<string, Served[]>>();
    for (const kind of [...builtin, ...custom.values()])
      for (const version of kind.served) {
        const served = { kind, version };
        const path = `${version.group}/${version.version}/${kind.plural}`;
        if (byPath.has(path)) continue;
        byPath.set(path, served);
        const versions = groups.get(version.group) ?? new Map<string, Served[]>();
        groups.set(version.group, versions);
        versions.set(version.version, [...(versions.get(version.version) ?? []), served]);
      }
    listing = [...groups].map(([group, versions]) => ({
      group,
      versions: [...versions]
        .map(([version, served]) => ({ version, served }))
        .sort((a, b) => compareVersions(a.version, b.version)),
    }));
  }
  rebuild();

  const all = () => [...builtin, ...custom.values()];
  return {
    find: (group, version, plural) => byPath.get(`${group}/${version}/${plural}`),
    findPlural: (group, plural) =>
      all().find((kind) => kind.plural === plural && kind.served.some((served) => served.group === group)),
    findKind: (group, name) =>
      all().find((kind) => kind.kind === name && kind.served.some((served) => served.group === group)),
    groups: () => listing,
    setCustom(definition, kind) {
      if (kind) custom.set(definition, kind);
      else custom.delete(definition);
      rebuild();
    },
    get generation() {
      return generation;
    },
  };
}
