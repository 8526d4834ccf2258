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

export function createSecretStore(): SecretStore {
  const secrets = new Map<string, Resource>();
  const watchers = new Map<string, Set<() => void>>();
  return {
    get: (name) => secrets.get(name),
    watch(name, onChange) {
      const set = watchers.get(name) ?? new Set();
      watchers.set(name, set.add(onChange));
      return () => {
        set.delete(onChange);
        if (set.size === 0) watchers.delete(name);
      };
    },
    set(name, secret) {
      const resource = secretResource(name, secret);
      if (secrets.get(name)?.version === resource.version) return;
      secrets.set(name, resource);
      for (const onChange of watchers.get(name) ?? []) onChange();
    },
  };
}
