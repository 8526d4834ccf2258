import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeClient } from "#kube/client.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { typeUrls } from "#xds/resource.ts";
import type { BenchCluster } from "./cluster.ts";
import { type IstiodProcess, startIstiodProcess } from "./istiod.ts";
import { type Load, startLoad } from "./load.ts";
import { type LoadAnswer, type LoadOrder, monotonicMs } from "./load-messages.ts";
import { sidecarResource, slice, virtualService } from "./objects.ts";
import { type Size, serviceAt } from "./size.ts";
import { machineCpu, usageOf } from "./usage.ts";

/** What one change cost, on average over some of its kind. */
interface ChangeFigures {
  /** From the request to the API server until a sidecar has it, over all sidecars and changes, ms. */
  readonly p50: number;
  readonly p99: number;
  readonly cpuSeconds: number;
  readonly bytes: number;
  /** Resources sent for one change, by type. */
  readonly resources: Readonly<Record<string, number>>;
}

export interface Figures {
  readonly size: Size;
  /** Until the last sidecar has everything. */
  readonly start: { readonly seconds: number; readonly cpuSeconds: number; readonly bytes: number };
  readonly endpoint: ChangeFigures;
  readonly route: ChangeFigures;
  /** Bytes that a change of nothing but an annotation sends. */
  readonly nothing: number;
  /** After all of that, bytes. */
  readonly rss: number;
  readonly peak: number;
  /** Share of the machine's CPUs that others had meanwhile: with more than a little, times say little. */
  readonly others: number;
}

export interface MeasureOptions {
  readonly nodeFlags: readonly string[];
  readonly limitMs: number;
  readonly changes: { readonly endpoint: number; readonly route: number };
}

/** Between two changes everything comes to rest, ms: each is a single change. */
const rest = 1_200;

/** A fresh istiod, a fresh load client, and every step in turn. */
export async function measure(cluster: BenchCluster, size: Size, options: MeasureOptions): Promise<Figures> {
  const { client } = cluster;
  const place = serviceAt(size, 0);
  const ref = { namespace: place.namespace, name: place.name };
  const istiod = await startIstiodProcess(cluster.kubeconfig, options.nodeFlags);
  cluster.webhookPort = istiod.webhookPort;
  const load = startLoad();
  try {
    await sleep(rest);
    await scope(client, size);
    await client.delete(resourceTypes.virtualServices, ref).catch(() => {});
    await client.create(resourceTypes.virtualServices, virtualService(place, 1));
    await sleep(rest);
    const give = (order: LoadOrder): Promise<LoadAnswer> => load.give(order, options.limitMs);
    const busy = (): number => machineCpu() - istiod.usage().cpu - load.usage().cpu - usageOf(process.pid).cpu;
    const busyBefore = busy();
    const before = istiod.usage();
    const started = monotonicMs();
    const all = await give({ do: "connect", port: istiod.xdsPort, size });
    const seconds = (Math.max(...all.times) - started) / 1000;
    await sleep(rest);
    const start = { seconds, cpuSeconds: istiod.usage().cpu - before.cpu, bytes: all.bytes };

    const host = `${place.name}.${place.namespace}.svc.cluster.local`;
    const { namespace } = place;
    const endpoints = { do: "expect", namespace, typeUrl: typeUrls.endpoint, name: `outbound|80||${host}` } as const;
    const endpoint = await repeat(options.changes.endpoint, istiod, load, give, endpoints, (turn) =>
      client.patch(resourceTypes.endpointSlices, { ...ref, as: "merge", patch: slice(size, 0, turn) }),
    );
    const routes = { do: "expect", namespace, typeUrl: typeUrls.route, name: "80" } as const;
    const route = await repeat(options.changes.route, istiod, load, give, routes, (turn) =>
      client.patch(resourceTypes.virtualServices, { ...ref, as: "merge", patch: virtualService(place, 1 + turn) }),
    );
    await give({ do: "count" });
    const metadata = { annotations: { "example.com/note": String(started) } };
    await client.patch(resourceTypes.virtualServices, { ...ref, as: "merge", patch: { metadata } });
    await sleep(2 * rest);
    const nothing = (await give({ do: "count" })).bytes;
    const { rss, peak } = istiod.usage();
    const others = (busy() - busyBefore) / (((monotonicMs() - started) / 1000) * availableParallelism());
    return { size, start, endpoint, route, nothing, rss, peak, others };
  } finally {
    load.stop();
    await istiod.stop();
  }
}

/** Puts a Sidecar into every namespace, or takes them away. */
async function scope(client: KubeClient, size: Size): Promise<void> {
  for (let index = 0; index < size.namespaces; index++) {
    const { namespace } = serviceAt(size, index);
    await client.delete(resourceTypes.sidecars, { namespace, name: "default" }).catch(() => {});
    if (size.scoped) await client.create(resourceTypes.sidecars, sidecarResource(namespace));
  }
}

async function repeat(
  times: number,
  istiod: IstiodProcess,
  load: Load,
  give: (order: LoadOrder) => Promise<LoadAnswer>,
  expected: LoadOrder,
  change: (turn: number) => Promise<unknown>,
): Promise<ChangeFigures> {
  const delays: number[] = [];
  const resources: Record<string, number> = {};
  let bytes = 0;
  let cpu = 0;
  for (let turn = 1; turn <= times; turn++) {
    const before = istiod.usage().cpu;
    const answer = give(expected);
    const changed = monotonicMs();
    await change(turn);
    const { times: arrivals } = await answer;
    delays.push(...arrivals.map((time) => time - changed));
    await sleep(rest);
    // With what came after the sidecars had what was waited for.
    const rested = await load.give({ do: "count" }, 10_000);
    cpu += istiod.usage().cpu - before;
    for (const part of [await answer, rested]) {
      bytes += part.bytes;
      for (const [type, count] of Object.entries(part.resources))
        resources[type] = (resources[type] ?? 0) + count / times;
    }
  }
  delays.sort((a, b) => a - b);
  const at = (share: number): number => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), cpuSeconds: cpu / times, bytes: bytes / times, resources };
}
