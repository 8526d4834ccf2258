import type { Sidecar } from "#api/istio/sidecar.ts";
import { type Labels, selects } from "#model/labels.ts";

/**
 * The Sidecar that applies to a workload: the oldest of its namespace that selects it, else the oldest of its namespace without a
 * selector, else that of the root namespace. Istio: PushContext.getSidecarScope.
 */
export function sidecarFor(
  sidecars: readonly Sidecar[],
  workload: { readonly namespace: string; readonly labels: Labels },
  rootNamespace: string,
): Sidecar | undefined {
  const own = sidecars.filter(({ metadata }) => metadata.namespace === workload.namespace);
  const selecting = own.find((sidecar) => {
    const selector = sidecar.spec.workloadSelector?.labels;
    return selector !== undefined && Object.keys(selector).length > 0 && selects(selector, workload.labels);
  });
  return (
    selecting ??
    own.find(isForAll) ??
    sidecars.find((sidecar) => sidecar.metadata.namespace === rootNamespace && isForAll(sidecar))
  );
}

function isForAll({ spec }: Sidecar): boolean {
  return Object.keys(spec.workloadSelector?.labels ?? {}).length === 0;
}
