import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import type { Informer } from "#kube/informer.ts";
import { objectKey } from "#kube/object.ts";

/** EndpointSlices by the Service they belong to (`namespace/name`). */
export interface SliceIndex {
  of(service: string): readonly EndpointSlice[];
  /** The listener gets the key of a Service whose slices changed, at once for those that are there. */
  onChange(listener: (service: string) => void): void;
  readonly synced: Promise<void>;
}

export function createSliceIndex(slices: Informer<EndpointSlice>): SliceIndex {
  const byService = new Map<string, Map<string, EndpointSlice>>();
  const listeners: ((service: string) => void)[] = [];
  slices.onChange(({ key, before, after }) => {
    for (const slice of before === undefined ? [after] : [before, after]) {
      const service = slice && serviceOf(slice);
      if (!service) continue;
      const known = byService.get(service) ?? new Map<string, EndpointSlice>();
      if (slice === after) known.set(key, slice);
      else known.delete(key);
      if (known.size > 0) byService.set(service, known);
      else byService.delete(service);
      for (const listener of listeners) listener(service);
    }
  });
  return {
    of: (service) => [...(byService.get(service)?.values() ?? [])],
    onChange(listener) {
      listeners.push(listener);
      for (const service of byService.keys()) listener(service);
    },
    synced: slices.synced,
  };
}

function serviceOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.["kubernetes.io/service-name"];
  return name === undefined ? undefined : objectKey({ metadata: { ...slice.metadata, name } });
}
