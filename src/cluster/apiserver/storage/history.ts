import type { Obj } from "../object.ts";

export interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly revision: number;
  /** The object after the change; of a deletion, its last state with the revision of the deletion. */
  readonly object: Obj;
  /** The object before the change. */
  readonly previous?: Obj;
}

/** The recent changes of one resource, oldest first, bounded. */
export class History {
  #changes: Change[] = [];
  /** Changes up to and with this revision are forgotten. */
  #floor: number;
  readonly #capacity: number;

  constructor(floor: number, capacity: number) {
    this.#floor = floor;
    this.#capacity = capacity;
  }

  push(change: Change): void {
    this.#changes.push(change);
    // Cut in halves, so that a push is cheap.
    if (this.#changes.length > this.#capacity * 2) {
      const cut = this.#changes.length - this.#capacity;
      this.#floor = this.#changes[cut - 1]?.revision ?? this.#floor;
      this.#changes = this.#changes.slice(cut);
    }
  }

  /** Changes after `revision`, or undefined when some of them are forgotten (`410 Gone`). */
  since(revision: number): readonly Change[] | undefined {
    if (revision < this.#floor) return undefined;
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low);
  }
}
