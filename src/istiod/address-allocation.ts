import type { KubeClient } from "#kube/client.ts";
import type { Leadership } from "#kube/leader-election.ts";
import { createReconciler } from "#kube/reconciler.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import { allocate } from "#registry/allocated-addresses.ts";
import type { Snapshot } from "#snapshot/snapshot.ts";

/** Gives ServiceEntries without addresses one for each host, in their status. Istio: IPAllocator. */
export interface AddressAllocation {
  /** There is a new snapshot. */
  snapshot(snapshot: Snapshot): void;
}

export interface AddressAllocationOptions {
  readonly client: KubeClient;
  /** Whether this istiod is the one that gives addresses. */
  readonly leadership: Leadership;
  readonly signal: AbortSignal;
  readonly log: Log;
}

export function createAddressAllocation(options: AddressAllocationOptions): AddressAllocation {
  const { client, leadership, signal, log } = options;
  let latest: Snapshot | undefined;
  let seen: unknown;
  const writer = createReconciler({ reconcile: write, signal, log });

  async function write(key: string): Promise<void> {
    if (!leadership.isLeader()) return;
    const entries = latest?.inEffect.serviceEntries;
    const addresses = entries && allocate([...entries.values()]).get(key);
    const entry = entries?.get(key);
    if (addresses === undefined || entry === undefined) return;
    const { namespace = "", name = "" } = entry.metadata;
    // What is followed leaves out updates that say nothing to proxies, and with them the version.
    const now = await client.find(resourceTypes.serviceEntries, { namespace, name });
    if (now === undefined) return;
    await client.patch(resourceTypes.serviceEntries, {
      namespace,
      name,
      subresource: "status",
      as: "merge",
      // The version makes the API server refuse when somebody else wrote meanwhile; then it is tried again.
      patch: { metadata: { resourceVersion: now.metadata?.resourceVersion }, status: { addresses } },
    });
    log.info("addresses allocated", { serviceEntry: key, addresses: addresses.length });
  }

  function askAll({ inEffect }: Snapshot): void {
    for (const key of allocate([...inEffect.serviceEntries.values()]).keys()) writer.ask(key);
  }

  leadership.onElected(() => {
    if (latest) askAll(latest);
  });
  return {
    snapshot(snapshot) {
      latest = snapshot;
      if (snapshot.inEffect.serviceEntries === seen) return;
      seen = snapshot.inEffect.serviceEntries;
      askAll(snapshot);
    },
  };
}
