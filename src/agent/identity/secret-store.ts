import type { Resource } from "#xds/resource.ts";
import { type Secret, secretResource } from "./secret.ts";

/** The secrets of this workload by name, for whoever asks for them. */
export interface SecretStore {
  /** Undefined while there is none by this name. */
  get(name: string): Resource | undefined;
  /** Tells of every change of this name until the returned function is called. */
  watch(name: string, onChange: () => void): () => void;
  set(name: string, secret: Secret): void;
}

/**
 * `onWanted` is called when a name comes to be watched; what it returns, when nobody watches it any more. A secret that was brought
 * in for its watchers is forgotten then.
 */
export function createSecretStore(onWanted: (name: string) => (() => void) | undefined = () => undefined): SecretStore {
  const secrets = new Map<string, Resource>();
  const watched = new Map<string, { readonly watchers: Set<() => void>; readonly end: (() => void) | undefined }>();
  return {
    get: (name) => secrets.get(name),
    watch(name, onChange) {
      const entry = watched.get(name) ?? { watchers: new Set(), end: onWanted(name) };
      watched.set(name, entry);
      entry.watchers.add(onChange);
      return () => {
        entry.watchers.delete(onChange);
        if (entry.watchers.size > 0) return;
        watched.delete(name);
        if (entry.end === undefined) return;
        entry.end();
        secrets.delete(name);
      };
    },
    set(name, secret) {
      const resource = secretResource(name, secret);
      if (secrets.get(name)?.version === resource.version) return;
      secrets.set(name, resource);
      for (const onChange of watched.get(name)?.watchers ?? []) onChange();
    },
  };
}
