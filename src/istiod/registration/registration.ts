import { setTimeout as sleep } from "node:timers/promises";
import type { WorkloadEntry } from "#api/istio/workload-entry.ts";
import type { WorkloadGroup } from "#api/istio/workload-group.ts";
import type { WorkloadIdentity } from "#ca/token-review.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import { createReconciler } from "#kube/reconciler.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import type { Proxy } from "#model/proxy.ts";
import {
  entryFromGroup,
  isAbandoned,
  isRegistered,
  registrationAnnotations as noted,
  registeredName,
  takesHealth,
} from "#registry/registered-workload.ts";
import { GrpcError, grpcCode } from "#xds/grpc-status.ts";
import { createConnectionCounts } from "../connection-counts.ts";
import { createEntryHealth } from "./entry-health.ts";
import { keyOf, type Place, placeOf } from "./entry-key.ts";
import { createLanes } from "./lanes.ts";

/** Keeps WorkloadEntries for proxies outside of Kubernetes. Istio: pilot/pkg/autoregistration. */
export interface Registration {
  /**
   * Notes that a proxy is connected, and makes its WorkloadEntry where there is none; undefined for a proxy that has none. Rejects with
   * a GrpcError when the proxy may not have the entry, or there is no group to make it from.
   */
  connect(proxy: Proxy, identity: WorkloadIdentity | undefined): Promise<RegisteredConnection | undefined>;
}

interface RegisteredConnection {
  /** What the agent found out about the workload: undefined when it is well, else in words what is wrong. */
  health(problem: string | undefined): void;
  close(): void;
}

export interface RegistrationOptions {
  readonly client: KubeClient;
  /** The name of this istiod. */
  readonly controller: string;
  /** A proxy that comes back within this time (ms) finds its entry as it was. */
  readonly graceMs: number;
  /** How long a connection lasts at most, ms. */
  readonly maxConnectionAgeMs: number;
  readonly signal: AbortSignal;
  readonly log: Log;
}

const type = resourceTypes.workloadEntries;

export function createRegistration(options: RegistrationOptions): Registration {
  const { client, controller, graceMs, signal, log } = options;
  const times = { graceMs, longestMs: options.maxConnectionAgeMs * 1.5 };
  const connections = createConnectionCounts();
  const lanes = createLanes();
  const health = createEntryHealth({ client, controller, isConnected: (key) => connections.isOpen(key), signal, log });
  const departures = createReconciler({ reconcile: noteDeparture, signal, log });
  void sweep();

  const find = (place: Place): Promise<WorkloadEntry | undefined> => client.find<WorkloadEntry>(type, place);

  async function enter(place: Place, proxy: Proxy, identity: WorkloadIdentity | undefined, at: string): Promise<void> {
    const annotations = { [noted.controller]: controller, [noted.connectedAt]: at };
    const there = await find(place);
    if (there) {
      // Istio: a proxy stands behind an entry of a user's to tell of its health, and for nothing else.
      if (groupOf(proxy) === "" && !takesHealth(there)) return;
      checkIdentity(there, identity);
      const patch = { metadata: { annotations: { ...annotations, [noted.disconnectedAt]: null } } };
      await client.patch(type, { ...place, as: "merge", patch });
      return;
    }
    const name = groupOf(proxy);
    const group = name
      ? await client.find<WorkloadGroup>(resourceTypes.workloadGroups, { namespace: place.namespace, name })
      : undefined;
    if (!group) {
      const missing = name
        ? `WorkloadGroup ${place.namespace}/${name}`
        : `WorkloadEntry ${place.namespace}/${place.name}`;
      throw new GrpcError(grpcCode.failedPrecondition, `${missing}, which the proxy's metadata names, isn't there`);
    }
    const entry = entryFromGroup(place.name, proxy, group);
    checkIdentity(entry, identity);
    const metadata = { ...entry.metadata, annotations: { ...entry.metadata.annotations, ...annotations } };
    try {
      await client.create<WorkloadEntry>(type, { ...entry, metadata });
      log.info("workload registered", { workloadEntry: keyOf(place), group: name });
    } catch (error) {
      // Another istiod was faster.
      if (!isKubeError(error, "AlreadyExists")) throw error;
      await enter(place, proxy, identity, at);
    }
  }

  /** Until it is told, who asks again is answered by the last connection. */
  async function noteDeparture(key: string): Promise<void> {
    await lanes.inTurn(key, async () => {
      const place = placeOf(key);
      const entry = connections.isOpen(key) ? undefined : await find(place);
      const { annotations = {}, resourceVersion } = entry?.metadata ?? {};
      if (annotations[noted.controller] !== controller || !annotations[noted.connectedAt]) return;
      const at = new Date().toISOString();
      const patch = { resourceVersion, annotations: { [noted.connectedAt]: null, [noted.disconnectedAt]: at } };
      await client.patch(type, { ...place, as: "merge", patch: { metadata: patch } });
      void sleep(graceMs, undefined, { signal, ref: false }).then(
        () => cleanUp(key),
        () => {},
      );
    });
  }

  /** Takes away what stands for a proxy that is gone: the entry that was made for it, or what is said of its health. */
  async function cleanUp(key: string): Promise<void> {
    try {
      await lanes.inTurn(key, async () => {
        const place = placeOf(key);
        const entry = connections.isOpen(key) ? undefined : await find(place);
        if (!entry || !isAbandoned(entry, Date.now(), times)) return;
        if (isRegistered(entry)) {
          const { uid, resourceVersion } = entry.metadata;
          await client.delete(type, {
            ...place,
            ...(uid ? { uid } : {}),
            ...(resourceVersion ? { resourceVersion } : {}),
          });
          log.info("workload unregistered", { workloadEntry: key });
        } else {
          await health.forget(entry);
        }
      });
    } catch (error) {
      // Whoever wrote meanwhile knows better; the next sweep looks again.
      if (!isKubeError(error, "Conflict") && !isKubeError(error, "NotFound"))
        log.warn("can't clean up after a workload", { workloadEntry: key, error });
    }
  }

  /** Entries that an istiod left behind which isn't there any more. */
  async function sweep(): Promise<void> {
    while (!signal.aborted) {
      await sleep(10 * graceMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        const { items } = await client.list<WorkloadEntry>(type);
        for (const entry of items) {
          const key = keyOf(entry.metadata);
          if (!connections.isOpen(key) && isAbandoned(entry, Date.now(), times)) await cleanUp(key);
        }
      } catch (error) {
        log.debug("can't look for workloads that are gone", { error });
      }
    }
  }

  return {
    async connect(proxy, identity) {
      const name = entryNameOf(proxy);
      if (name === undefined) return undefined;
      const place: Place = { namespace: proxy.namespace, name };
      const key = keyOf(place);
      connections.open(key);
      try {
        await lanes.inTurn(key, () => enter(place, proxy, identity, new Date().toISOString()));
      } catch (error) {
        connections.close(key);
        log.warn("workload not registered", { proxy: proxy.id, workloadEntry: key, error });
        if (error instanceof GrpcError) throw error;
        throw new GrpcError(grpcCode.unavailable, `istiod can't write WorkloadEntry ${key}; try again`, {
          cause: error,
        });
      }
      let isClosed = false;
      return {
        health: (problem) => health.report(key, problem),
        close() {
          if (isClosed) return;
          isClosed = true;
          if (connections.close(key)) departures.ask(key);
        },
      };
    },
  };
}

function groupOf({ metadata }: Proxy): string {
  const group = metadata["AUTO_REGISTER_GROUP"];
  return typeof group === "string" ? group : "";
}

/** The entry that stands for a proxy: one that is made for it, or one that its metadata names. */
function entryNameOf(proxy: Proxy): string | undefined {
  const group = groupOf(proxy);
  if (group !== "") return registeredName(group, proxy);
  const named = proxy.metadata["WORKLOAD_ENTRY"];
  return typeof named === "string" && named !== "" ? named : undefined;
}

/** Only who runs as the entry's account may stand behind it. Istio: ensureProxyCanControlEntry. */
function checkIdentity({ metadata, spec }: WorkloadEntry, identity: WorkloadIdentity | undefined): void {
  const refuse = (why: string): never => {
    throw new GrpcError(grpcCode.permissionDenied, `WorkloadEntry ${keyOf(metadata)}: ${why}`);
  };
  if (identity === undefined) return refuse("only a proxy that shows who it is can register: connect over TLS");
  if (identity.namespace !== metadata.namespace) refuse(`the proxy is of namespace ${identity.namespace}`);
  if (spec.serviceAccount && spec.serviceAccount !== identity.serviceAccount)
    refuse(`it is for service account ${spec.serviceAccount}, the proxy runs as ${identity.serviceAccount}`);
}
