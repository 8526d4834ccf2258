import type { PeerAuthentication } from "#api/istio/peer-authentication.ts";
import { selects } from "#model/labels.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Objects } from "./input.ts";
import type { Conflict } from "./problem.ts";

/** PeerAuthentications that count for no workload: an older one is for the same, or they select in the root namespace. */
export const unusedPeerAuthentications: (
  policies: Objects<PeerAuthentication>,
  mesh: MeshConfig,
) => readonly Conflict[] = memo((policies: Objects<PeerAuthentication>, { rootNamespace }: MeshConfig) => {
  const seen: PeerAuthentication[] = [];
  return [...policies.values()].flatMap((policy): Conflict[] => {
    const older = seen.find((other) => takesPlaceOf(other, policy));
    seen.push(policy);
    const { namespace, name } = policy.metadata;
    const resource = `PeerAuthentication ${namespace}/${name}`;
    if (older !== undefined) {
      const whom = labelsOf(policy) === undefined ? `all of namespace ${namespace}` : "these workloads";
      const message = `${whom} have PeerAuthentication ${namespace}/${older.metadata.name}, which is older: this one isn't used. Put them into one`;
      return [{ reason: "Conflict", resource, field: "spec.selector", message }];
    }
    if (namespace !== rootNamespace || labelsOf(policy) === undefined) return [];
    const message = `in the root namespace ${namespace} only policies without a selector count: move it to the namespace of its workloads`;
    return [{ reason: "NotFound", resource, field: "spec.selector", message }];
  });
});

function labelsOf({ spec }: PeerAuthentication): Readonly<Record<string, string>> | undefined {
  const labels = spec.selector?.matchLabels ?? {};
  return Object.keys(labels).length === 0 ? undefined : labels;
}

/** Whether every workload that `younger` selects is one of `older`. Of those for all workloads of a namespace, one counts. */
function takesPlaceOf(older: PeerAuthentication, younger: PeerAuthentication): boolean {
  if (older.metadata.namespace !== younger.metadata.namespace) return false;
  const [own, others] = [labelsOf(younger), labelsOf(older)];
  return own === undefined || others === undefined ? own === others : selects(others, own);
}
