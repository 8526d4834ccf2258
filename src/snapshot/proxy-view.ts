import { isIP } from "node:net";
import type { AuthorizationPolicy } from "#api/istio/authorization-policy.ts";
import type { ConnectionPool } from "#api/istio/destination-rule.ts";
import type { Gateway } from "#api/istio/gateway.ts";
import type { OutboundTrafficPolicy } from "#api/istio/sidecar.ts";
import { ByKey } from "#model/by-key.ts";
import { type HttpSettings, readHttpSettings, withProfile } from "#model/http-settings.ts";
import { type Labels, selects } from "#model/labels.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { InboundMutualTls } from "#model/mutual-tls.ts";
import type { Proxy } from "#model/proxy.ts";
import { gatewayServiceAnnotation } from "#model/route-semantics.ts";
import type { Endpoint } from "#model/service.ts";
import type { Authorizers } from "./authorizers.ts";
import { endpointsForOthers } from "./cluster-local.ts";
import { chosenPolicies } from "./destination-rules.ts";
import { egressListeners } from "./egress.ts";
import { type Patches, patchesOf } from "./envoy-filters.ts";
import { ingressTargets } from "./ingress-targets.ts";
import { type Horizon, horizonOf } from "./networks.ts";
import { inboundMutualTls } from "./peer-authentications.ts";
import { type Place, placeOf } from "./place.ts";
import type { Problem } from "./problem.ts";
import { type Scope, scopeOf } from "./scope.ts";
import type { ServersByService } from "./servers.ts";
import { sidecarFor } from "./sidecar-for.ts";
import type { Snapshot } from "./snapshot.ts";
import { type ServiceTarget, serviceTargets } from "./targets.ts";
import { type TokenRule, tokenRules } from "./token-rules.ts";
import { policiesFor } from "./workload-policies.ts";

/** What one proxy may see: all that its configuration is made from. */
export interface ProxyView {
  readonly proxy: Proxy;
  readonly mesh: MeshConfig;
  readonly clusterId: string;
  readonly place: Place;
  readonly scope: Scope;
  /** By `endpointsKey`; services without any are absent. */
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>;
  /** Which of them the proxy reaches itself, and by what it gets to the others. */
  readonly horizon: Horizon;
  readonly servers: ServersByService;
  /** Those of services whose names the proxies themselves resolve: clusters hold them. */
  readonly dnsEndpoints: ReadonlyMap<string, readonly Endpoint[]>;
  /** For sidecars: what the workload itself serves. */
  readonly targets: readonly ServiceTarget[];
  /** What the workload's ports take in. */
  readonly mutualTls: InboundMutualTls;
  /** Limits that a Sidecar sets for all that comes in. */
  readonly inboundPool: ConnectionPool | undefined;
  /** For routers: the Gateways whose selector takes in the proxy, oldest first. */
  readonly gateways: readonly Gateway[];
  /** The tokens that its workload accepts, by issuer. */
  readonly tokenRules: readonly TokenRule[];
  /** Those for its workload, of the root namespace first. */
  readonly authorizationPolicies: readonly AuthorizationPolicy[];
  readonly authorizers: Authorizers;
  /** Changes that EnvoyFilters make to what is generated. */
  readonly patches: Patches | undefined;
  readonly problems: readonly Problem[];
}

/** The view of `proxy`. The same snapshot and proxy give the same view. */
export const proxyView: (snapshot: Snapshot, proxy: Proxy) => ProxyView = memo(build);

function build(snapshot: Snapshot, proxy: Proxy): ProxyView {
  const pod = snapshot.input.pods.get(`${proxy.namespace}/${proxy.name}`);
  const labels = pod?.metadata?.labels ?? proxy.labels;
  const sidecar =
    proxy.type === "sidecar" && snapshot.sidecars.length > 0
      ? sidecarFor(snapshot.sidecars, { namespace: proxy.namespace, labels }, snapshot.mesh.rootNamespace)
      : undefined;
  const targets = serviceTargets(snapshot, proxy);
  const { rootNamespace } = snapshot.mesh;
  const { attachment } = snapshot.input;
  const ownFirst = [...new Set([proxy.namespace, rootNamespace])];
  return Object.freeze({
    proxy,
    mesh: withProxy(withPolicy(snapshot.mesh, sidecar?.spec.outboundTrafficPolicy), proxy),
    clusterId: snapshot.input.clusterId,
    place: placeOf(snapshot.input, proxy),
    scope: scopeOf(snapshot, {
      namespace: proxy.namespace,
      egress: sidecar && egressListeners(sidecar),
      autoAddresses: proxy.capturesDns ? ipVersions(proxy) : [],
      chosen: chosenPolicies(snapshot.policies, proxy.namespace, labels),
    }),
    endpoints: proxy.clusterId === snapshot.input.clusterId ? snapshot.endpoints : endpointsForOthers(snapshot),
    horizon: horizonOf(snapshot.networkGateways, proxy),
    servers: snapshot.servers,
    dnsEndpoints: snapshot.dnsEndpoints,
    mutualTls: inboundMutualTls(snapshot.peers, { namespace: proxy.namespace, labels }),
    inboundPool: sidecar?.spec.inboundConnectionPool,
    targets: sidecar?.spec.ingress?.length ? ingressTargets(sidecar, proxy, targets) : targets,
    gateways: proxy.type === "router" ? selectedGateways(snapshot, labels, targets) : [],
    // Istio: GetJwtPoliciesForWorkload, ListAuthorizationPolicies.
    tokenRules: tokenRules(snapshot, policiesFor(snapshot.requestAuthentications, ownFirst, proxy, labels, attachment)),
    authorizationPolicies: policiesFor(
      snapshot.authorizationPolicies,
      ownFirst.toReversed(),
      proxy,
      labels,
      attachment,
    ),
    authorizers: snapshot.authorizers,
    patches: patchesOf(snapshot, proxy),
    problems: snapshot.problems,
  });
}

function ipVersions({ ips }: Proxy): readonly (4 | 6)[] {
  return ([4, 6] as const).filter((version) => ips.some((ip) => isIP(ip) === version));
}

const meshByPolicy = memo((_mesh: MeshConfig) => new ByKey<MeshConfig>());

/** The mesh's settings with what a Sidecar says in place of them: one object for all that say the same. */
function withPolicy(mesh: MeshConfig, policy: OutboundTrafficPolicy | undefined): MeshConfig {
  if (policy === undefined) return mesh;
  const { mode = "REGISTRY_ONLY", egressProxy } = policy;
  return meshByPolicy(mesh).get(JSON.stringify([mode, egressProxy]), () =>
    Object.freeze({ ...mesh, outboundTrafficPolicy: { mode, ...(egressProxy ? { egressProxy } : {}) } }),
  );
}

const meshByProxy = memo((_mesh: MeshConfig) => new ByKey<MeshConfig>());

/** The mesh's settings with what the proxy's own configuration says in place of them: one object for all that say the same. */
function withProxy(mesh: MeshConfig, { metadata, type }: Proxy): MeshConfig {
  const { headers = mesh.http.headers, connections = mesh.http.connections } = readHttpSettings(
    metadata["PROXY_CONFIG"],
  );
  if (headers === undefined && connections === undefined) return mesh;
  const http: HttpSettings = {
    ...(headers ? { headers } : {}),
    ...(connections ? { connections: withProfile(connections, type) } : {}),
  };
  return meshByProxy(mesh).get(JSON.stringify(http), () => Object.freeze({ ...mesh, http }));
}

/**
 * A Gateway without a selector is served by every gateway proxy, one that names services by the proxies behind these.
 * Istio: mergeGateways.
 */
function selectedGateways(snapshot: Snapshot, labels: Labels, targets: readonly ServiceTarget[]): readonly Gateway[] {
  const served = new Set(targets.map(({ service }) => service.hostname));
  return snapshot.gateways.filter(({ metadata, spec }) => {
    const services = metadata.annotations?.[gatewayServiceAnnotation];
    return services === undefined
      ? selects(spec.selector, labels)
      : services.split(",").some((host) => served.has(host));
  });
}
