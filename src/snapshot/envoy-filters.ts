import type { Message } from "@bufbuild/protobuf";
import { RE2JS } from "re2js";
import type { ApplyTo, EnvoyFilter, FilterClass, PatchMatch, PatchOperation } from "#api/istio/envoy-filter.ts";
import { patchValue } from "#config/patch-value.ts";
import { internList } from "#model/intern.ts";
import { memo } from "#model/memo.ts";
import type { Proxy } from "#model/proxy.ts";
import { byAge } from "./config-order.ts";
import type { Snapshot } from "./snapshot.ts";
import { isAttached } from "./workload-policies.ts";

/** One patch of an EnvoyFilter, ready to be applied. */
export interface Patch {
  readonly applyTo: ApplyTo;
  readonly operation: PatchOperation;
  readonly match: PatchMatch;
  /** Of the type that `applyTo` stands for. Never to be changed: it is cloned where it is put in. */
  readonly value: Message | undefined;
  readonly filterClass: FilterClass;
  /** The EnvoyFilter's path, as Istio writes the origin of things. */
  readonly source: string;
}

/** The patches for one proxy, in the order they are applied. The same for all proxies that have the same patches. */
export type Patches = ReadonlyMap<ApplyTo, readonly Patch[]>;

/** What patches look at of a proxy, which may not run yet. */
export type PatchedProxy = Pick<Proxy, "name" | "namespace" | "labels" | "version" | "metadata">;

interface ProxyCondition {
  readonly version: RE2JS | undefined;
  readonly metadata: readonly (readonly [string, string])[];
}

interface ReadyFilter {
  readonly resource: EnvoyFilter;
  readonly patches: readonly { readonly patch: Patch; readonly condition: ProxyCondition }[];
}

/** Lists whose order matters: elsewhere the ways of inserting mean ADD. */
const ordered: ReadonlySet<ApplyTo> = new Set(["NETWORK_FILTER", "HTTP_FILTER", "HTTP_ROUTE", "LISTENER_FILTER"]);

const ready = memo((resource: EnvoyFilter): ReadyFilter => {
  const { namespace = "", name = "" } = resource.metadata;
  const source = `/apis/networking.istio.io/v1alpha3/namespaces/${namespace}/envoy-filter/${name}`;
  const patches = (resource.spec.configPatches ?? []).flatMap(({ applyTo, match = {}, patch }) => {
    if (!applyTo || applyTo === "INVALID" || !patch?.operation || patch.operation === "INVALID") return [];
    const inserts = patch.operation.startsWith("INSERT_");
    const ready: Patch = {
      applyTo,
      operation: inserts && !ordered.has(applyTo) ? "ADD" : patch.operation,
      match,
      value: patch.value === undefined ? undefined : patchValue(applyTo, patch.value, { lenient: true }),
      filterClass: patch.filterClass ?? "UNSPECIFIED",
      source,
    };
    const { proxyVersion, metadata } = match.proxy ?? {};
    const version = proxyVersion ? RE2JS.compile(proxyVersion) : undefined;
    return [{ patch: ready, condition: { version, metadata: Object.entries(metadata ?? {}) } }];
  });
  return { resource, patches };
});

const byKind = memo((patches: readonly Patch[]): Patches => Map.groupBy(patches, ({ applyTo }) => applyTo));

/**
 * The patches for `proxy`: of the root namespace and of its own, from the lowest priority to the highest, then the root namespace
 * first, then by age. Undefined when there are none. Istio: PushContext.EnvoyFilters.
 */
export function patchesOf(snapshot: Snapshot, proxy: PatchedProxy): Patches | undefined {
  const { rootNamespace } = snapshot.mesh;
  const pod = snapshot.input.pods.get(`${proxy.namespace}/${proxy.name}`);
  const workload = { namespace: proxy.namespace, labels: pod?.metadata?.labels ?? proxy.labels };
  const filters = snapshot.envoyFilters.filter(({ metadata: { namespace = "" }, spec }) => {
    if (namespace !== rootNamespace && namespace !== proxy.namespace) return false;
    return isAttached(namespace, spec.targetRefs ?? [], spec.workloadSelector?.labels, workload);
  });
  if (filters.length === 0) return undefined;
  const rank = ({ metadata }: EnvoyFilter): number => (metadata.namespace === rootNamespace ? 0 : 1);
  filters.sort((a, b) => (a.spec.priority ?? 0) - (b.spec.priority ?? 0) || rank(a) - rank(b) || byAge(a, b));
  const patches = filters
    .flatMap((resource) => ready(resource).patches)
    .filter(({ condition }) => meets(proxy, condition))
    .map(({ patch }) => patch);
  return patches.length === 0 ? undefined : byKind(internList(patches));
}

/** What EnvoyFilters are written for: Weft's own proxies, whose versions start anew, count as of this Istio too. */
const istioVersion = "1.31.0";

/** A proxy that doesn't tell its version isn't of the version that is asked for. */
function meets(proxy: PatchedProxy, { version, metadata }: ProxyCondition): boolean {
  const versions = proxy.version.startsWith("0.") ? [proxy.version, istioVersion] : [proxy.version];
  if (version && !versions.some((told) => told !== "" && version.matcher(told).find())) return false;
  return metadata.every(([key, value]) => proxy.metadata[key] === value);
}
