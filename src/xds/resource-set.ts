import { hash } from "node:crypto";
import { memo, sameList } from "#model/memo.ts";
import { createPool } from "#model/pool.ts";
import type { Resource } from "./resource.ts";

/** A name and what the client has by it. A resource is one. */
export interface Version {
  readonly name: string;
  readonly version: string;
}

/**
 * All resources of a type for one client. What many clients have in common comes as one and the same list, so that what differs
 * between two lists, and how they are encoded, is worked out once for all of them.
 */
export interface ResourceSet<T extends Version = Resource> {
  /** By name, the same list for many clients. */
  readonly shared: readonly T[];
  /** By name, for this client; none of them has a name that is in `shared`. */
  readonly own: readonly T[];
}

const empty: readonly never[] = Object.freeze([]);

export const noResources: ResourceSet<never> = Object.freeze({ shared: empty, own: empty });

/** A set of one shared list. The same list gives the same set. */
export const sharedSet: (shared: readonly Resource[]) => ResourceSet = memo((shared: readonly Resource[]) =>
  Object.freeze({ shared, own: empty }),
);

/** `own` besides `shared`. Of two resources with one name the shared one stays. Both come sorted by name. */
export function withOwn(shared: readonly Resource[], own: readonly Resource[]): ResourceSet {
  const others = own.filter(({ name }) => findNamed(shared, name) === undefined);
  return others.length === 0 ? sharedSet(shared) : Object.freeze({ shared, own: others });
}

export function sizeOf({ shared, own }: ResourceSet<Version>): number {
  return shared.length + own.length;
}

/** All of the set, shared ones first. */
export function listOf<T extends Version>({ shared, own }: ResourceSet<T>): readonly T[] {
  if (own.length === 0) return shared;
  return shared.length === 0 ? own : [...shared, ...own];
}

export function findIn<T extends Version>({ shared, own }: ResourceSet<T>, name: string): T | undefined {
  return findNamed(own, name) ?? findNamed(shared, name);
}

/** In a list that is sorted by name. */
export function findNamed<T extends { readonly name: string }>(list: readonly T[], name: string): T | undefined {
  return list[indexOfNamed(list, name)];
}

/** -1 where no element of the list, which is sorted by name, has the name. */
export function indexOfNamed(list: readonly { readonly name: string }[], name: string): number {
  let low = 0;
  let high = list.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const candidate = list[middle]?.name ?? name;
    if (candidate === name) return middle;
    if (candidate < name) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** A hash over names and versions in their order; the same for the same content, whichever process computes it. */
export const listVersion: (list: readonly Version[]) => string = memo((list: readonly Version[]) => {
  let lines = "";
  for (const { name, version } of list) lines += `${name}\n${version}\n`;
  return hash("sha1", lines, "hex").slice(0, 16);
});

const lists = createPool<readonly Resource[]>();

/** The list of these resources, sorted by name: the same one for the same content, as long as somebody has it. */
export function sharedList(list: readonly Resource[]): readonly Resource[] {
  return list.length === 0 ? empty : lists.get(listVersion(list), () => Object.freeze(list));
}

/** The list with these resources in place of those of the same names. The same for the same, and `list` where nothing differs. */
export function withReplaced(list: readonly Resource[], resources: readonly Resource[]): readonly Resource[] {
  const others = resources.filter((resource) => findNamed(list, resource.name) !== resource);
  return others.length === 0 ? list : replaced(list, sameList(others));
}

const replaced = memo((list: readonly Resource[], resources: readonly Resource[]): readonly Resource[] => {
  const result = [...list];
  for (const resource of resources) {
    const index = indexOfNamed(list, resource.name);
    if (index !== -1) result[index] = resource;
  }
  return Object.freeze(result);
});

/** What differs between two lists: resources that are new or changed, and what is gone. */
interface ListDifference {
  readonly changed: readonly Resource[];
  readonly gone: readonly Version[];
}

const noDifference: ListDifference = Object.freeze({ changed: empty, gone: empty });

/** Worked out once for every two lists. Both are sorted by name. */
export function listDifference(before: readonly Version[], after: readonly Resource[]): ListDifference {
  if (before === after) return noDifference;
  if (before.length === 0) return { changed: after, gone: empty };
  if (after.length === 0) return { changed: empty, gone: before };
  return compare(before, after);
}

const compare = memo((before: readonly Version[], after: readonly Resource[]): ListDifference => {
  const changed: Resource[] = [];
  const gone: Version[] = [];
  let next = 0;
  for (const resource of after) {
    let old = before[next];
    // Mostly it is the same object, and no text has to be compared.
    if (old === resource) {
      next += 1;
      continue;
    }
    for (; old !== undefined && old.name < resource.name; old = before[next]) {
      gone.push(old);
      next += 1;
    }
    if (old?.name === resource.name) {
      next += 1;
      if (old.version === resource.version) continue;
    }
    changed.push(resource);
  }
  for (const old of before.slice(next)) gone.push(old);
  return changed.length === 0 && gone.length === 0 ? noDifference : { changed, gone };
});
