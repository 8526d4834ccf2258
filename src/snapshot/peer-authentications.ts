import type { MutualTLS, PeerAuthentication } from "#api/istio/peer-authentication.ts";
import { type Labels, selects } from "#model/labels.ts";
import type { InboundMutualTls, MutualTlsMode } from "#model/mutual-tls.ts";
import { createPool } from "#model/pool.ts";

/** The PeerAuthentications of one namespace. */
interface OfNamespace {
  /** For all of the namespace (the mesh, if it is the root one). */
  readonly whole: PeerAuthentication | undefined;
  /** For some of its workloads, oldest first. */
  readonly selecting: readonly PeerAuthentication[];
}

/** What workloads are told to take in, by namespace. The same object as long as no PeerAuthentication changes. */
export interface PeerPolicies {
  readonly rootNamespace: string;
  readonly byNamespace: ReadonlyMap<string, OfNamespace>;
}

/** Sorts PeerAuthentications that come in order of age. Istio: addPeerAuthentication. */
export function peerPolicies(policies: readonly PeerAuthentication[], rootNamespace: string): PeerPolicies {
  const byNamespace = new Map<string, OfNamespace>();
  for (const policy of policies) {
    const namespace = policy.metadata.namespace ?? "";
    const { whole, selecting } = byNamespace.get(namespace) ?? { whole: undefined, selecting: [] };
    byNamespace.set(
      namespace,
      isForAll(policy) ? { whole: whole ?? policy, selecting } : { whole, selecting: [...selecting, policy] },
    );
  }
  return Object.freeze({ rootNamespace, byNamespace });
}

function isForAll({ spec }: PeerAuthentication): boolean {
  return Object.keys(spec.selector?.matchLabels ?? {}).length === 0;
}

/** Whose policies are asked for. */
interface Workload {
  readonly namespace: string;
  readonly labels: Labels;
}

/**
 * The policies that a workload comes under: its namespace's, then the mesh's; in both the one for all workloads comes first.
 * Istio: GetPeerAuthenticationsForWorkload.
 */
export function peerPoliciesFor(
  { rootNamespace, byNamespace }: PeerPolicies,
  { namespace, labels }: Workload,
): readonly PeerAuthentication[] {
  return [...new Set([namespace, rootNamespace])].flatMap((name) => {
    const { whole, selecting = [] } = byNamespace.get(name) ?? {};
    const found = selecting.filter(({ spec }) => selects(spec.selector?.matchLabels, labels));
    return whole === undefined ? found : [whole, ...found];
  });
}

const pool = createPool<InboundMutualTls>();

/**
 * What the ports of a workload take in: of the narrowest policy that says it, of several that are as narrow the oldest. Those
 * of the root namespace are only for the whole mesh. Istio: ComposePeerAuthentication.
 */
export function inboundMutualTls(policies: PeerPolicies, workload: Workload): InboundMutualTls {
  const { rootNamespace, byNamespace } = policies;
  const { namespace, labels } = workload;
  const own = namespace === rootNamespace ? undefined : byNamespace.get(namespace);
  const selecting = own?.selecting.find(({ spec }) => selects(spec.selector?.matchLabels, labels));
  const mode = modeOf(selecting?.spec.mtls) ?? namespaceMutualTls(policies, namespace) ?? "PERMISSIVE";
  const perPort = Object.entries(selecting?.spec.portLevelMtls ?? {})
    .map(([port, mtls]) => [Number(port), modeOf(mtls) ?? mode] as const)
    .sort(([a], [b]) => a - b);
  return pool.get(JSON.stringify([mode, perPort]), () => Object.freeze({ mode, perPort: new Map(perPort) }));
}

/**
 * What is said for all of a namespace, by itself or for the whole mesh; undefined when nothing is.
 * Istio: GetNamespaceMutualTLSMode.
 */
export function namespaceMutualTls(
  { rootNamespace, byNamespace }: PeerPolicies,
  namespace: string,
): MutualTlsMode | undefined {
  const mesh = byNamespace.get(rootNamespace)?.whole;
  const own = namespace === rootNamespace ? undefined : byNamespace.get(namespace)?.whole;
  if (own === undefined && mesh === undefined) return undefined;
  return modeOf(own?.spec.mtls) ?? modeOf(mesh?.spec.mtls) ?? "PERMISSIVE";
}

function modeOf(mtls: MutualTLS | undefined): MutualTlsMode | undefined {
  const mode = mtls?.mode ?? "UNSET";
  return mode === "UNSET" ? undefined : mode;
}
