import type { PeerAuthentication } from "#api/istio/peer-authentication.ts";
import type { Labels } from "#model/labels.ts";
import { byAge } from "#snapshot/config-order.ts";
import { inboundMutualTls, peerPolicies, peerPoliciesFor } from "#snapshot/peer-authentications.ts";

/** What a workload's ports take in, and who says so. Istio: describePeerAuthentication. */
export function peerAuthenticationLines(
  policies: readonly PeerAuthentication[],
  workload: { readonly namespace: string; readonly labels: Labels },
  rootNamespace: string,
): string[] {
  const sorted = peerPolicies([...policies].sort(byAge), rootNamespace);
  const { mode, perPort } = inboundMutualTls(sorted, workload);
  const lines = ["Effective PeerAuthentication:", `   Workload mTLS mode: ${mode}`];
  if (perPort.size > 0) lines.push("   Port Level mTLS mode:");
  for (const [port, own] of perPort) lines.push(`      ${port}: ${own}`);
  const applied = peerPoliciesFor(sorted, workload).map(({ metadata }) => `${metadata.name}.${metadata.namespace}`);
  return applied.length === 0 ? lines : [...lines, "Applied PeerAuthentication:", `   ${applied.join(", ")}`];
}
