import { randomUUID } from "node:crypto";
import type { Core } from "../core.ts";
import { type Obj, timestamp } from "../object.ts";

const resource = "apiservices.apiregistration.k8s.io";
const managed = "kube-aggregator.kubernetes.io/automanaged";

function apiService(group: string, version: string, rank: number): Obj {
  const now = timestamp();
  return {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: {
      name: `${version}.${group}`,
      uid: randomUUID(),
      creationTimestamp: now,
      labels: { [managed]: "onstart" },
    },
    spec: {
      ...(group ? { group } : {}),
      version,
      groupPriorityMinimum: 1000,
      versionPriority: Math.max(100 - rank, 1),
    },
    status: {
      conditions: [
        {
          type: "Available",
          status: "True",
          lastTransitionTime: now,
          reason: "Local",
          message: "Local APIServices are always available",
        },
      ],
    },
  };
}

function reconcile({ store, registry }: Core): void {
  const wanted = new Map<string, Obj>();
  for (const { group, versions } of registry.groups())
    for (const [rank, { version }] of versions.entries()) {
      const service = apiService(group, version, rank);
      wanted.set(service.metadata.name ?? "", service);
    }
  for (const stored of store.list(resource)) {
    const name = stored.metadata.name ?? "";
    if (!wanted.delete(name) && stored.metadata.labels?.[managed])
      store.remove(resource, stored, stored.metadata.resourceVersion ?? "");
  }
  for (const service of wanted.values()) store.create(resource, service);
}

/** Keeps one APIService (`v1.apps`) for every version of every group that is served; returns what stops it. */
export function keepApiServices(core: Core): () => void {
  let scheduled: NodeJS.Immediate | undefined;
  const later = () => {
    scheduled ??= setImmediate(() => {
      scheduled = undefined;
      try {
        reconcile(core);
      } catch (error) {
        core.log.error("the list of API services is not up to date", { error });
      }
    });
  };
  reconcile(core);
  const unsubscribe = core.store.subscribe("customresourcedefinitions.apiextensions.k8s.io", later);
  return () => {
    unsubscribe();
    clearImmediate(scheduled);
  };
}
