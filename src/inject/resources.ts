import type { ResourceRequirements } from "kubernetes-types/core/v1.d.ts";
import type { InjectContext } from "./context.ts";
import type { ResourceValues } from "./values.ts";

/** Resources of the proxy: any of the pod's four annotations replaces the install's values as a whole. */
export function proxyResources(context: InjectContext): ResourceRequirements {
  const own = (suffix: string): string | undefined => context.annotations[`sidecar.istio.io/proxy${suffix}`];
  const requests = filled({ cpu: own("CPU"), memory: own("Memory") });
  const limits = filled({ cpu: own("CPULimit"), memory: own("MemoryLimit") });
  if (!requests && !limits) return fromValues(context.values.global.proxy.resources);
  return { ...(requests ? { requests } : {}), ...(limits ? { limits } : {}) };
}

/** Resources from values; null entries are left out. */
export function fromValues(values: ResourceValues | undefined): ResourceRequirements {
  const requests = filled(values?.requests ?? {});
  const limits = filled(values?.limits ?? {});
  return { ...(limits ? { limits } : {}), ...(requests ? { requests } : {}) };
}

function filled(entries: Readonly<Record<string, string | null | undefined>>): Record<string, string> | undefined {
  const kept = Object.entries(entries).filter(
    (entry): entry is [string, string] => entry[1] !== null && entry[1] !== undefined,
  );
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}
