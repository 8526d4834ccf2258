import type { WorkloadEntry } from "#api/istio/workload-entry.ts";
import type { KubeClient } from "#kube/client.ts";
import { createReconciler } from "#kube/reconciler.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import { registrationAnnotations, takesHealth } from "#registry/registered-workload.ts";
import type { Condition } from "#status/condition.ts";
import { placeOf } from "./entry-key.ts";

/** Keeps the condition `Healthy` of WorkloadEntries. Istio: autoregistration/internal/health. */
export interface EntryHealth {
  /** What is wrong with the workload behind an entry, if anything. The newest report counts. */
  report(key: string, problem: string | undefined): void;
  /** Nobody says any more how the workload is. */
  forget(entry: WorkloadEntry): Promise<void>;
}

export interface EntryHealthOptions {
  readonly client: KubeClient;
  /** The name of this istiod. */
  readonly controller: string;
  /** Whether a proxy of the entry is connected to this istiod. */
  readonly isConnected: (key: string) => boolean;
  readonly signal: AbortSignal;
  readonly log: Log;
}

const healthy = "Healthy";
const maxMessage = 1_000;

export function createEntryHealth(options: EntryHealthOptions): EntryHealth {
  const { client, controller, isConnected, signal, log } = options;
  const reports = new Map<string, Condition>();
  const writer = createReconciler({ reconcile: write, signal, log });

  async function write(key: string): Promise<void> {
    const report = reports.get(key);
    if (report !== undefined && isConnected(key)) await note(key, report);
    if (reports.get(key) === report) reports.delete(key);
  }

  async function note(key: string, report: Condition): Promise<void> {
    const entry = await client.find<WorkloadEntry>(resourceTypes.workloadEntries, placeOf(key));
    if (!entry || !takesHealth(entry)) return;
    // It may be connected to another istiod by now.
    if (entry.metadata.annotations?.[registrationAnnotations.controller] !== controller) return;
    await change(entry, (others) => [...others, report]);
    log.info("workload's health changed", { workloadEntry: key, healthy: report.status });
  }

  async function change(
    { metadata, status }: WorkloadEntry,
    next: (others: readonly Condition[]) => readonly Condition[],
  ): Promise<void> {
    const { namespace = "", name = "", resourceVersion } = metadata;
    const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly Condition[] };
    const others = conditions.filter(({ type }) => type !== healthy);
    // The version makes the API server refuse when somebody else wrote meanwhile; then it is tried again.
    const patch = { metadata: { resourceVersion }, status: { conditions: next(others) } };
    await client.patch(resourceTypes.workloadEntries, { namespace, name, subresource: "status", as: "merge", patch });
  }

  return {
    report(key, problem) {
      const at = new Date().toISOString();
      reports.set(key, {
        type: healthy,
        status: problem === undefined ? "True" : "False",
        ...(problem === undefined ? {} : { message: problem.slice(0, maxMessage) }),
        lastProbeTime: at,
        lastTransitionTime: at,
      });
      writer.ask(key);
    },
    forget: (entry) => change(entry, (others) => others),
  };
}
