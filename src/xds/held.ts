import type { Resource } from "./resource.ts";
import { findIn, findNamed, listDifference, noResources, type ResourceSet, type Version } from "./resource-set.ts";

/** What a client lacks of a set, and what it has beyond it. */
interface Difference {
  readonly changed: ResourceSet;
  readonly gone: readonly string[];
}

/**
 * Name to version of what a client has, or was sent and didn't answer yet; `""` when it was told that there is none. Kept as the set
 * that it was brought to last, which it shares with other clients, and what differs from that.
 */
export class Held {
  #base: ResourceSet<Version> = noResources;
  /** By name; undefined: it doesn't have it although the set does. */
  readonly #exceptions: Map<string, string | undefined> = new Map();

  get(name: string): string | undefined {
    return this.#exceptions.has(name) ? this.#exceptions.get(name) : findIn(this.#base, name)?.version;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  set(name: string, version: string): void {
    this.#exceptions.set(name, version);
  }

  delete(name: string): void {
    if (findIn(this.#base, name) === undefined) this.#exceptions.delete(name);
    else this.#exceptions.set(name, undefined);
  }

  /** From now on it has exactly `set`. */
  replace(set: ResourceSet): void {
    this.#base = set;
    this.#exceptions.clear();
  }

  /** Drops every name but these. */
  retain(names: ReadonlySet<string>): void {
    const kept = [...this].filter(([name]) => names.has(name));
    this.replace(noResources);
    for (const [name, version] of kept) this.set(name, version);
  }

  get isEmpty(): boolean {
    for (const _ of this) return false;
    return true;
  }

  *[Symbol.iterator](): Generator<readonly [name: string, version: string]> {
    for (const list of [this.#base.shared, this.#base.own])
      for (const { name, version } of list) if (!this.#exceptions.has(name)) yield [name, version];
    for (const [name, version] of this.#exceptions) if (version !== undefined) yield [name, version];
  }

  /** What would bring the client to `set`. Names that it knows not to exist aren't among the `gone`. */
  difference(set: ResourceSet): Difference {
    const shared = listDifference(this.#base.shared, set.shared);
    const own = listDifference(this.#base.own, set.own);
    const exceptions = this.#withMoved(shared.gone, own.gone, set);
    const gone = [...shared.gone, ...own.gone].map(({ name }) => name);
    if (exceptions.size === 0) return { changed: { shared: shared.changed, own: own.changed }, gone };
    const excepted = ({ name }: Version): boolean => exceptions.has(name);
    const rest = (list: readonly Resource[]): readonly Resource[] =>
      list.some(excepted) ? list.filter((resource) => !excepted(resource)) : list;
    const changed = [...rest(own.changed)];
    const vanished = gone.filter((name) => !exceptions.has(name));
    for (const [name, version] of exceptions) {
      const resource = findIn(set, name);
      if (resource === undefined) {
        if (version) vanished.push(name);
      } else if (resource.version !== version) changed.push(resource);
    }
    return { changed: { shared: rest(shared.changed), own: changed }, gone: vanished };
  }

  /** A resource that was shared and is the client's own now, or the other way round, is gone from one list only. */
  #withMoved(
    shared: readonly Version[],
    own: readonly Version[],
    set: ResourceSet,
  ): ReadonlyMap<string, string | undefined> {
    const moved = [
      ...shared.filter(({ name }) => findNamed(set.own, name) !== undefined),
      ...own.filter(({ name }) => findNamed(set.shared, name) !== undefined),
    ];
    if (moved.length === 0) return this.#exceptions;
    return new Map([...moved.map(({ name, version }) => [name, version] as const), ...this.#exceptions]);
  }
}
