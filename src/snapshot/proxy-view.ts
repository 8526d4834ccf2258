import type { Gateway } from "#api/istio/gateway.ts";
import { selects } from "#model/labels.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Proxy } from "#model/proxy.ts";
import { gatewayServiceAnnotation } from "#model/route-semantics.ts";
import type { Endpoint } from "#model/service.ts";
import { type Patches, patchesOf } from "./envoy-filters.ts";
import { type Place, placeOf } from "./place.ts";
import type { Problem } from "./problem.ts";
import { type Scope, scopeOf } from "./scope.ts";
import type { Snapshot } from "./snapshot.ts";
import { type ServiceTarget, serviceTargets } from "./targets.ts";

/** What one proxy may see: all that its configuration is made from. */
export interface ProxyView {
  readonly proxy: Proxy;
  readonly mesh: MeshConfig;
  readonly clusterId: string;
  readonly place: Place;
  readonly scope: Scope;
  /** By hostname; services without any are absent. */
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
  /** For sidecars: what the workload itself serves. */
  readonly targets: readonly ServiceTarget[];
  /** For routers: the Gateways whose selector takes in the proxy, oldest first. */
  readonly gateways: readonly Gateway[];
  /** Changes that EnvoyFilters make to what is generated. */
  readonly patches: Patches | undefined;
  readonly problems: readonly Problem[];
}

/** The view of `proxy`. The same snapshot and proxy give the same view. */
export const proxyView: (snapshot: Snapshot, proxy: Proxy) => ProxyView = memo((snapshot: Snapshot, proxy: Proxy) =>
  Object.freeze({
    proxy,
    mesh: snapshot.mesh,
    clusterId: snapshot.input.clusterId,
    place: placeOf(snapshot.input, proxy),
    scope: scopeOf(snapshot, proxy.namespace),
    endpoints: snapshot.endpoints,
    targets: serviceTargets(snapshot, proxy),
    gateways: proxy.type === "router" ? selectedGateways(snapshot, proxy) : [],
    patches: patchesOf(snapshot, proxy),
    problems: snapshot.problems,
  }),
);

/**
 * A Gateway without a selector is served by every gateway proxy, one that names services by the proxies behind these.
 * Istio: mergeGateways.
 */
function selectedGateways(snapshot: Snapshot, proxy: Proxy): readonly Gateway[] {
  const pod = snapshot.input.pods.get(`${proxy.namespace}/${proxy.name}`);
  const labels = pod?.metadata?.labels ?? proxy.labels;
  const served = new Set(serviceTargets(snapshot, proxy).map(({ service }) => service.hostname));
  return snapshot.gateways.filter(({ metadata, spec }) => {
    const services = metadata.annotations?.[gatewayServiceAnnotation];
    return services === undefined
      ? selects(spec.selector, labels)
      : services.split(",").some((host) => served.has(host));
  });
}
