import { setTimeout as sleep } from "node:timers/promises";
import type { Lease } from "kubernetes-types/coordination/v1.d.ts";
import type { Log } from "#log/log.ts";
import type { KubeClient } from "./client.ts";
import { isKubeError } from "./error.ts";
import { resourceTypes } from "./resource-types.ts";

/** Whether this process is the one of several that does a piece of work. */
export interface Leadership {
  isLeader(): boolean;
  /** The listener is called each time this process becomes the leader. */
  onElected(listener: () => void): void;
  /** Gives the work away at once, on the way out; takes two seconds at most. Never rejects. */
  resign(): Promise<void>;
}

export interface CandidateOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** No other process has it. */
  readonly identity: string;
  /** So long after its last word a leader counts as gone, ms. Istio: 30 s. */
  readonly ttlMs?: number;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * Stands for election by a Lease of coordination.k8s.io, by the rules of Kubernetes' own leader election: a leader renews it every
 * quarter of its time and stops leading when it couldn't for half of it; others take it when they have seen no renewal for all of it, by
 * their own clock.
 */
export function standForElection(options: CandidateOptions): Leadership {
  const { client, namespace, name, identity, ttlMs = 30_000, signal, log: parentLog } = options;
  const log = parentLog.with({ lease: name });
  const listeners: (() => void)[] = [];
  const stopped = new AbortController();
  const ended = AbortSignal.any([signal, stopped.signal]);
  let leadsUntil = 0;
  /** The Lease as it was seen last, and when it was first seen so. */
  let seen: { readonly version: string; readonly at: number } | undefined;
  const isLeader = (): boolean => !ended.aborted && performance.now() < leadsUntil;

  async function attempt(): Promise<void> {
    const started = performance.now();
    const found = await client.find<Lease>(resourceTypes.leases, { namespace, name });
    if (found !== undefined && !mayTake(found)) return lose();
    const written = await write(found);
    if (written === undefined) return lose();
    const wasLeader = isLeader();
    leadsUntil = started + ttlMs / 2;
    if (wasLeader) return;
    log.info("leads", { identity });
    for (const listener of listeners) listener();
  }

  function mayTake({ metadata, spec }: Lease): boolean {
    if (!spec?.holderIdentity || spec.holderIdentity === identity) return true;
    const version = metadata?.resourceVersion ?? "";
    const now = performance.now();
    if (seen?.version !== version) seen = { version, at: now };
    return seen.at + (spec.leaseDurationSeconds ?? ttlMs / 1000) * 1000 <= now;
  }

  /** Undefined when somebody else was faster. */
  async function write(before: Lease | undefined): Promise<Lease | undefined> {
    const now = new Date().toISOString().replace("Z", "000Z");
    const isOurs = before?.spec?.holderIdentity === identity;
    const transitions = before?.spec?.leaseTransitions ?? 0;
    const spec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.round(ttlMs / 1000)),
      acquireTime: (isOurs && before?.spec?.acquireTime) || now,
      renewTime: now,
      leaseTransitions: isOurs || before === undefined ? transitions : transitions + 1,
    };
    try {
      if (before === undefined)
        return await client.create<Lease>(resourceTypes.leases, { metadata: { namespace, name }, spec });
      return await client.update<Lease>(resourceTypes.leases, { ...before, spec });
    } catch (error) {
      if (isKubeError(error, "AlreadyExists") || isKubeError(error, "Conflict")) return undefined;
      throw error;
    }
  }

  function lose(): void {
    if (isLeader()) log.warn("somebody else leads now");
    leadsUntil = 0;
  }

  async function run(): Promise<void> {
    for (let failures = 0; !ended.aborted; ) {
      try {
        await attempt();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (!ended.aborted && (failures === 3 || failures % 20 === 0))
          log.warn("can't reach the lease", { failures, leads: isLeader(), error });
      }
      await sleep((ttlMs / 4) * (0.9 + Math.random() * 0.2), undefined, { signal: ended, ref: false }).catch(() => {});
    }
  }

  const running = run();
  return {
    isLeader,
    onElected(listener) {
      listeners.push(listener);
      if (isLeader()) listener();
    },
    async resign() {
      const led = performance.now() < leadsUntil;
      stopped.abort();
      await Promise.race([giveAway(led), sleep(2_000, undefined, { ref: false })]);
    },
  };

  async function giveAway(led: boolean): Promise<void> {
    await running;
    if (!led) return;
    try {
      const found = await client.get<Lease>(resourceTypes.leases, { namespace, name });
      if (found.spec?.holderIdentity !== identity) return;
      const spec = { ...found.spec, holderIdentity: "", leaseDurationSeconds: 1 };
      await client.update(resourceTypes.leases, { ...found, spec });
    } catch (error) {
      log.debug("couldn't give the lease away", { error });
    }
  }
}
