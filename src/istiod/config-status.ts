import type { Log } from "#log/log.ts";
import type { Proxy } from "#model/proxy.ts";
import { type Conflict, conflictsOf } from "#snapshot/conflicts.ts";
import { allConfigs } from "#snapshot/input.ts";
import type { Problem } from "#snapshot/problem.ts";
import type { Snapshot } from "#snapshot/snapshot.ts";
import { acceptedType, type Condition, type StatusProblem } from "#status/condition.ts";
import { type ConfigSource, configSources, sourceAt } from "#status/config-sources.ts";
import type { StatusKeeper } from "#status/status-keeper.ts";
import type { View } from "#xds/client.ts";
import { type Resource, shortTypeName } from "#xds/resource.ts";
import { listOf } from "#xds/resource-set.ts";
import type { Subscription } from "#xds/subscription.ts";
import { proxyId } from "./xds-clients.ts";

/** Turns what happens with proxies and snapshots into problems of resources. */
export interface ConfigStatus {
  rejected(proxy: Proxy, subscription: Subscription, view: View): void;
  accepted(proxy: Proxy, subscription: Subscription): void;
  opened(proxy: Proxy): void;
  closed(proxy: Proxy): void;
  /** `passedOver`: what is wrong with forms of resources that aren't in the snapshot. */
  snapshot(snapshot: Snapshot, passedOver: readonly Problem[]): void;
  stop(): void;
}

const maxMessage = 1_000;
/** A proxy that went may come back with the same complaint (ms). */
const comeBack = 30_000;
/** After a start, proxies have this long to repeat a complaint before its mark is taken away (ms). */
const repeatTime = 60_000;

/** What was generated is meant to be good: if somebody patched it, it is the patches that are told of. */
function sourcesOf({ any, patchedBy }: Resource): readonly ConfigSource[] {
  return patchedBy ? patchedBy.flatMap((path) => sourceAt(path) ?? []) : configSources(any);
}

/** What is wrong, with the resource that has it. */
function located({ resource, field, message, reason }: Problem & Pick<StatusProblem, "reason">) {
  const [, kind, namespace, name] = /^(\w+) ([^/ ]+)\/(\S+)$/.exec(resource) ?? [];
  if (!kind || !namespace || !name) return [];
  const source: ConfigSource = { kind, namespace, name };
  return [{ source, problem: { reason, message: `${field}: ${message}`.slice(0, maxMessage) } }];
}

/** One conflict for each resource, which says them all. */
function allOfEach(conflicts: readonly Conflict[]): readonly Conflict[] {
  const found = new Map<string, Conflict>();
  for (const conflict of conflicts) {
    const before = found.get(conflict.resource);
    const message = before && `${before.message}; ${conflict.field}: ${conflict.message}`;
    found.set(conflict.resource, before && message ? { ...before, message } : conflict);
  }
  return [...found.values()];
}

export function createConfigStatus(keeper: StatusKeeper, log: Log): ConfigStatus {
  /** Types that a proxy complains about, by its id. */
  const complaints = new Map<string, Set<string>>();
  const connected = new Map<string, number>();
  const timers = new Set<NodeJS.Timeout>();
  let isReviewed = false;

  function later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, ms);
    timer.unref();
    timers.add(timer);
  }

  function report(proxy: Proxy, subscription: Subscription, view: View | undefined): void {
    const id = proxyId(proxy);
    const { typeUrl, rejected } = subscription;
    const resources = view && rejected.size > 0 ? listOf(view.generate(typeUrl, new Set(rejected.keys()))) : [];
    const problems = resources.flatMap((resource) => {
      const { name } = resource;
      const words = `${id} rejects ${shortTypeName(typeUrl)} ${name}: ${rejected.get(name)}`.slice(0, maxMessage);
      return sourcesOf(resource).map((source) => ({
        source,
        problem: { reason: "Rejected" as const, message: words },
      }));
    });
    for (const { source } of problems)
      log.warn("resource is rejected by a proxy", { ...source, proxy: id, type: shortTypeName(typeUrl) });
    keeper.report(`${id} ${typeUrl}`, problems);
    const types = complaints.get(id) ?? new Set();
    complaints.set(id, types);
    if (rejected.size > 0) types.add(typeUrl);
    else types.delete(typeUrl);
    if (types.size === 0) complaints.delete(id);
  }

  /** Marks that an earlier istiod left and that nobody repeats. */
  function reviewOld(snapshot: Snapshot): void {
    for (const { kind, metadata, status } of allConfigs(snapshot.input)) {
      const { conditions } = (status ?? {}) as { readonly conditions?: readonly Condition[] };
      if (conditions?.some((condition) => condition.type === acceptedType && condition.status === "False"))
        keeper.review({ kind, namespace: metadata.namespace ?? "", name: metadata.name ?? "" });
    }
  }

  return {
    rejected: (proxy, subscription, view) => report(proxy, subscription, view),
    accepted(proxy, subscription) {
      if (!complaints.get(proxyId(proxy))?.has(subscription.typeUrl)) return;
      if (subscription.rejected.size === 0) report(proxy, subscription, undefined);
    },
    opened: (proxy) => void connected.set(proxyId(proxy), (connected.get(proxyId(proxy)) ?? 0) + 1),
    closed(proxy) {
      const id = proxyId(proxy);
      const left = (connected.get(id) ?? 1) - 1;
      if (left > 0) connected.set(id, left);
      else connected.delete(id);
      if (!complaints.has(id)) return;
      later(comeBack, () => {
        if (connected.has(id)) return;
        for (const typeUrl of complaints.get(id) ?? []) keeper.report(`${id} ${typeUrl}`, []);
        complaints.delete(id);
      });
    },
    snapshot(snapshot, passedOver) {
      const invalid = [...snapshot.problems, ...passedOver].map((problem) => ({
        reason: "Invalid" as const,
        ...problem,
      }));
      keeper.report("snapshot", invalid.flatMap(located));
      keeper.report("snapshot conflicts", allOfEach(conflictsOf(snapshot)).flatMap(located));
      if (!isReviewed) later(repeatTime, () => reviewOld(snapshot));
      isReviewed = true;
    },
    stop() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
