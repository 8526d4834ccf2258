import type { KubeObject } from "./object.ts";

/** Objects by key that come and go, and how they are at a moment. */
export class LiveObjects<T extends KubeObject = KubeObject> {
  readonly #objects = new Map<string, T>();
  #current: ReadonlyMap<string, T> | undefined;

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  entries(): IterableIterator<[string, T]> {
    return this.#objects.entries();
  }

  /** Puts `object` in the place of what has its key, or takes that away. */
  put(key: string, object: T | undefined): void {
    if (object === undefined) this.#objects.delete(key);
    else this.#objects.set(key, object);
    this.#current = undefined;
  }

  /** All of them as they are now: a map that stays as it is, and is the same one until something is put. */
  current(): ReadonlyMap<string, T> {
    return (this.#current ??= new Map(this.#objects));
  }
}
