import type { Log } from "#log/log.ts";
import { memo } from "#model/memo.ts";
import type { Proxy } from "#model/proxy.ts";
import { parentNamesAnnotation } from "#model/route-semantics.ts";
import { conflictsOf } from "#snapshot/conflicts.ts";
import { allConfigs, type GeneratedConfig } from "#snapshot/input.ts";
import type { Conflict, Problem } from "#snapshot/problem.ts";
import type { Snapshot } from "#snapshot/snapshot.ts";
import { acceptedType, type Condition, type StatusProblem } from "#status/condition.ts";
import { type ConfigSource, configSources, parentSources, sourceAt, sourceKey } from "#status/config-sources.ts";
import type { ProblemBook, SourceProblem } from "#status/problem-book.ts";
import type { StatusKeeper } from "#status/status-keeper.ts";
import type { View } from "#xds/client.ts";
import { type Resource, shortTypeName, typeUrls } from "#xds/resource.ts";
import { listOf, type ResourceSet } from "#xds/resource-set.ts";
import type { Subscription } from "#xds/subscription.ts";
import { AcceptedRoutes } from "./accepted-routes.ts";
import { proxyId } from "./xds-clients.ts";

/** Turns what happens with proxies and snapshots into problems of resources. */
export interface ConfigStatus {
  rejected(proxy: Proxy, subscription: Subscription, view: View): void;
  /** `resources`: what was accepted. */
  accepted(proxy: Proxy, subscription: Subscription, resources: ResourceSet): void;
  opened(proxy: Proxy): void;
  closed(proxy: Proxy): void;
  /** `passedOver`: what is wrong with forms of resources that aren't in the snapshot. */
  snapshot(snapshot: Snapshot, passedOver: readonly Problem[]): void;
  /** Policies whose keys can't be read. */
  unreadKeys(problems: readonly Conflict[]): void;
  stop(): void;
}

const maxMessage = 1_000;
/** A proxy that went may come back with the same complaint (ms). */
const comeBack = 30_000;
/** After a start, proxies have this long to repeat a complaint before its mark is taken away (ms). */
const repeatTime = 60_000;

/** What was generated is meant to be good: if somebody patched it, it is the patches that are told of. */
function sourcesOf({ any, patchedBy, madeFrom = [] }: Resource): readonly ConfigSource[] {
  const named = (paths: readonly string[]): readonly ConfigSource[] => paths.flatMap((path) => sourceAt(path) ?? []);
  return patchedBy ? named(patchedBy) : [...named(madeFrom), ...configSources(any)];
}

/** By {@link sourceKey}: the resources of the Gateway API that a generated one is made from. */
const origins = memo((generated: GeneratedConfig): ReadonlyMap<string, readonly ConfigSource[]> => {
  const { virtualServices, destinationRules, gateways } = generated;
  return new Map(
    [...virtualServices, ...destinationRules, ...gateways].map(({ kind, metadata }) => [
      sourceKey({ kind, namespace: metadata.namespace ?? "", name: metadata.name ?? "" }),
      parentSources(metadata.annotations?.[parentNamesAnnotation] ?? ""),
    ]),
  );
});

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

/** `routes` is told what proxies refuse of what was made from the Gateway API, whose statuses are written as a whole. */
export function createConfigStatus(keeper: StatusKeeper, routes: Pick<ProblemBook, "report">, log: Log): ConfigStatus {
  /** Types that a proxy complains about, by its id. */
  const complaints = new Map<string, Set<string>>();
  const connected = new Set<string>();
  const timers = new Set<NodeJS.Timeout>();
  const routesTaken = new AcceptedRoutes();
  let isReviewed = false;
  let originsOf: ReadonlyMap<string, readonly ConfigSource[]> = new Map();

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
    const problems: readonly SourceProblem[] = resources.flatMap((resource) => {
      const { name } = resource;
      const words = `${id} rejects ${shortTypeName(typeUrl)} ${name}: ${rejected.get(name)}`.slice(0, maxMessage);
      const isTable = typeUrl === typeUrls.route && !resource.patchedBy;
      const sources = isTable ? routesTaken.suspects(name, resource.any) : sourcesOf(resource);
      return sources.map((source) => ({
        source,
        problem: { reason: "Rejected" as const, message: words },
      }));
    });
    for (const { source } of problems)
      log.warn("resource is rejected by a proxy", { ...source, proxy: id, type: shortTypeName(typeUrl) });
    const isGenerated = ({ source }: SourceProblem): boolean => originsOf.has(sourceKey(source));
    const origin = `${id} ${typeUrl}`;
    keeper.report(
      origin,
      problems.filter((one) => !isGenerated(one)),
    );
    routes.report(
      origin,
      problems.flatMap(({ source, problem }) =>
        (originsOf.get(sourceKey(source)) ?? []).map((made) => ({ source: made, problem })),
      ),
    );
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
    accepted(proxy, subscription, resources) {
      if (subscription.typeUrl === typeUrls.route) {
        for (const { name, any } of listOf(resources)) routesTaken.note(name, any);
      }
      if (!complaints.get(proxyId(proxy))?.has(subscription.typeUrl)) return;
      if (subscription.rejected.size === 0) report(proxy, subscription, undefined);
    },
    opened: (proxy) => void connected.add(proxyId(proxy)),
    closed(proxy) {
      const id = proxyId(proxy);
      connected.delete(id);
      if (!complaints.has(id)) return;
      later(comeBack, () => {
        if (connected.has(id)) return;
        for (const typeUrl of complaints.get(id) ?? [])
          for (const book of [keeper, routes]) book.report(`${id} ${typeUrl}`, []);
        complaints.delete(id);
      });
    },
    snapshot(snapshot, passedOver) {
      originsOf = origins(snapshot.input.generated);
      const invalid = [...snapshot.problems, ...passedOver].map((problem) => ({
        reason: "Invalid" as const,
        ...problem,
      }));
      keeper.report("snapshot", invalid.flatMap(located));
      keeper.report("snapshot conflicts", allOfEach(conflictsOf(snapshot)).flatMap(located));
      if (!isReviewed) later(repeatTime, () => reviewOld(snapshot));
      isReviewed = true;
    },
    unreadKeys: (problems) => keeper.report("token keys", allOfEach(problems).flatMap(located)),
    stop() {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
