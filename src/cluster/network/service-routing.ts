import { setTimeout as sleep } from "node:timers/promises";
import type { Service } from "kubernetes-types/core/v1.d.ts";
import type { Informer } from "#kube/informer.ts";
import type { Log } from "#log/log.ts";
import { run } from "./command.ts";
import type { ClusterRanges } from "./ranges.ts";
import { type ServicePort, servicePorts } from "./service-ports.ts";
import { buildServiceTable, emptyTable, type ServiceTable, tableFrame, tableName } from "./service-table.ts";
import type { SliceIndex } from "./slice-index.ts";
import { tableUpdate } from "./table-update.ts";

export interface ServiceRoutingOptions {
  readonly cluster: string;
  readonly ranges: ClusterRanges;
  readonly services: Informer<Service>;
  readonly slices: SliceIndex;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Changes that come within this time (ms) are applied together. */
const coalesce = 10;

/**
 * Keeps the cluster's nftables table in step with Services and EndpointSlices. Resolves when the rules of what is
 * there now are in the kernel; goes on until the signal aborts. A transaction that fails is followed by one that
 * builds the whole table anew.
 */
export async function startServiceRouting(options: ServiceRoutingOptions): Promise<void> {
  const { cluster, ranges, services, slices, log, signal } = options;
  const table = tableName(cluster);
  const ports = new Map<string, readonly ServicePort[]>();
  const dirty = new Set<string>();
  let wake = Promise.withResolvers<void>();
  let applied: ServiceTable | undefined;

  function mark(service: string): void {
    dirty.add(service);
    wake.resolve();
  }

  async function apply(): Promise<void> {
    for (const key of dirty) {
      const service = services.get(key);
      if (service) ports.set(key, servicePorts(service, slices.of(key)));
      else ports.delete(key);
    }
    dirty.clear();
    const wanted = buildServiceTable([...ports.values()].flat());
    const frame = applied ? "" : tableFrame(cluster, ranges);
    const update = frame + tableUpdate(table, applied ?? emptyTable, wanted);
    if (update === "") return;
    try {
      await run("nft", ["-f", "-"], { input: update });
      applied = wanted;
    } catch (error) {
      const again = applied !== undefined;
      applied = undefined;
      log.error("nftables refused the service rules", { again, error });
      if (again) return apply();
      await sleep(1000, undefined, { signal });
      wake.resolve();
    }
  }

  async function loop(): Promise<void> {
    while (!signal.aborted) {
      await wake.promise;
      wake = Promise.withResolvers();
      await sleep(coalesce, undefined, { signal });
      await apply();
    }
  }

  await Promise.all([services.synced, slices.synced]);
  services.onChange(({ key }) => mark(key));
  slices.onChange(mark);
  signal.addEventListener("abort", () => wake.resolve(), { once: true });
  await apply();
  loop().catch((error: unknown) => {
    if (!signal.aborted) log.error("service routing stopped", { error });
  });
}
