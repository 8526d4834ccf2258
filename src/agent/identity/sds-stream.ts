import type { Log } from "#log/log.ts";
import {
  type DeltaRequest,
  decodeDeltaRequest,
  decodeSotwRequest,
  encodeDeltaResponse,
  encodeSotwResponse,
  type SotwRequest,
} from "#xds/discovery.ts";
import type { Resource } from "#xds/resource.ts";
import { typeUrls } from "#xds/resource.ts";
import type { SecretStore } from "./secret-store.ts";

export type SdsVariant = "sotw" | "delta";

/** Envoy asks for one secret on each stream; a client that asks for more than this is none. */
const maxNames = 1000;
const controlPlane = "weft-agent";

/** One stream of secrets: what happens in it is that Envoy asks or answers, that a secret changes, and that it closes. */
export interface SdsStream {
  /** Throws a WireError for what can't be read. */
  receive(message: Uint8Array): void;
  close(): void;
}

/**
 * Follows the names that the client asks for: each secret goes out when it is there, and again when it changed. A secret that
 * is refused isn't sent again until it is another.
 */
export function createSdsStream(options: {
  readonly variant: SdsVariant;
  readonly store: SecretStore;
  readonly send: (pieces: readonly Uint8Array[]) => void;
  readonly log: Log;
}): SdsStream {
  const { variant, store, send, log } = options;
  const encode = variant === "delta" ? encodeDeltaResponse : encodeSotwResponse;
  const watched = new Map<string, () => void>();
  /** Name to version of what the client was sent. */
  const sent = new Map<string, string>();
  let counter = 0;

  function push(names: Iterable<string>): void {
    const changed: Resource[] = [];
    for (const name of names) {
      const resource = store.get(name);
      if (resource === undefined || sent.get(name) === resource.version) continue;
      sent.set(name, resource.version);
      changed.push(resource);
    }
    if (changed.length === 0) return;
    counter += 1;
    const resources = { shared: [], own: changed };
    const version = changed.map((resource) => resource.version).join(".");
    const response = { typeUrl: typeUrls.secret, nonce: String(counter), version, resources, removed: [] };
    send(encode(response, controlPlane).pieces());
  }

  function follow(name: string): void {
    if (watched.has(name)) return;
    if (watched.size >= maxNames) throw new RangeError(`more than ${maxNames} secrets on one stream`);
    watched.set(
      name,
      store.watch(name, () => push([name])),
    );
  }

  function leave(name: string): void {
    watched.get(name)?.();
    watched.delete(name);
    sent.delete(name);
  }

  function noteRefusal({ error }: SotwRequest | DeltaRequest): void {
    if (error) log.error("Envoy refuses a secret and keeps the one before", { secrets: [...watched.keys()], error });
  }

  return {
    receive(message) {
      if (variant === "delta") {
        const request = decodeDeltaRequest(message);
        noteRefusal(request);
        for (const name of request.unsubscribe) leave(name);
        for (const [name, version] of request.initialVersions) sent.set(name, version);
        for (const name of request.subscribe) follow(name);
      } else {
        const request = decodeSotwRequest(message);
        noteRefusal(request);
        const wanted = new Set(request.resourceNames);
        for (const name of watched.keys()) if (!wanted.has(name)) leave(name);
        for (const name of wanted) follow(name);
      }
      push(watched.keys());
    },
    close() {
      for (const name of watched.keys()) leave(name);
    },
  };
}
