import type { OwnerReference } from "kubernetes-types/meta/v1.d.ts";

interface Node<F> {
  readonly followed: F;
  readonly key: string;
  readonly owners: readonly OwnerReference[];
}

/** Who depends on whom, by uid. Owners needn't be known: their dependents are found all the same. */
export interface OwnerGraph<F> {
  get(uid: string): Node<F> | undefined;
  /** True when the object is new or its owners changed. */
  set(uid: string, node: Node<F>): boolean;
  remove(uid: string): void;
  /** `blocks`: the owner's foreground deletion waits for it. */
  dependentsOf(uid: string): readonly { readonly uid: string; readonly blocks: boolean }[];
}

export function createOwnerGraph<F>(): OwnerGraph<F> {
  const nodes = new Map<string, Node<F>>();
  const dependents = new Map<string, Set<string>>();

  function unlink(uid: string): void {
    for (const owner of nodes.get(uid)?.owners ?? []) {
      const set = dependents.get(owner.uid);
      set?.delete(uid);
      if (set?.size === 0) dependents.delete(owner.uid);
    }
  }

  return {
    get: (uid) => nodes.get(uid),
    set(uid, node) {
      const before = nodes.get(uid);
      const same = before !== undefined && JSON.stringify(before.owners) === JSON.stringify(node.owners);
      if (!same) unlink(uid);
      nodes.set(uid, node);
      if (same) return false;
      for (const owner of node.owners) {
        const set = dependents.get(owner.uid) ?? new Set();
        dependents.set(owner.uid, set);
        set.add(uid);
      }
      return true;
    },
    remove(uid) {
      unlink(uid);
      nodes.delete(uid);
    },
    dependentsOf: (owner) =>
      [...(dependents.get(owner) ?? [])].map((uid) => ({
        uid,
        blocks: nodes.get(uid)?.owners.some((one) => one.uid === owner && one.blockOwnerDeletion === true) ?? false,
      })),
  };
}
