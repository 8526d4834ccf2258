/** Values by key, made when they are first asked for. */
export class ByKey<V> {
  readonly #values = new Map<string, V>();
  readonly #limit: number;

  /** Clients have a say in most keys, so there is a limit: with more keys, the one that was asked for first is forgotten. */
  constructor(limit: number = 10_000) {
    this.#limit = limit;
  }

  get(key: string, make: () => V): V {
    const known = this.#values.get(key);
    if (known !== undefined || this.#values.has(key)) return known as V;
    const value = make();
    if (this.#values.size >= this.#limit) {
      const [oldest] = this.#values.keys();
      if (oldest !== undefined) this.#values.delete(oldest);
    }
    this.#values.set(key, value);
    return value;
  }
}
