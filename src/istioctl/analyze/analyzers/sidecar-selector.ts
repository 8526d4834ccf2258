import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { Sidecar } from "#api/istio/sidecar.ts";
import type { Analyzer } from "../analyzer.ts";
import { namespaceOf, selects } from "../mesh.ts";
import { describe, type Message, message } from "../message.ts";

export const sidecarSelector: Analyzer = {
  name: "sidecar.SelectorAnalyzer",
  description: "a Sidecar selects a pod, and no pod is selected by two",
  needs: "cluster",
  analyze({ sidecars, pods }) {
    return sidecars.flatMap((sidecar): Message[] => {
      const labels = sidecar.spec?.workloadSelector?.labels ?? {};
      if (Object.keys(labels).length === 0) return [];
      const field = "spec.workloadSelector.labels";
      const own = pods.filter((pod) => isFor(sidecar, pod));
      if (own.length === 0) {
        const text = `no pod of namespace ${namespaceOf(sidecar)} has ${JSON.stringify(labels)}`;
        return [message("ReferencedResourceNotFound", sidecar, field, text)];
      }
      const rivals = sidecars.filter((other) => other !== sidecar && own.some((pod) => isFor(other, pod)));
      if (rivals.length === 0) return [];
      const text = `selects pods that ${rivals.map(describe).join(", ")} also selects: only the oldest counts`;
      return [message("ConflictingSidecarWorkloadSelectors", sidecar, field, text)];
    });
  },
};

function isFor(sidecar: Sidecar, pod: Pod): boolean {
  return (
    namespaceOf(sidecar) === namespaceOf(pod) && selects(sidecar.spec?.workloadSelector?.labels, pod.metadata?.labels)
  );
}
