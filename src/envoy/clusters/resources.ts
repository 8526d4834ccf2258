import { type Cluster, ClusterSchema } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { ConnectionPool } from "#api/istio/destination-rule.ts";
import { ByKey } from "#model/by-key.ts";
import type { Locality } from "#model/locality.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { backendCertificateAnnotation } from "#model/route-semantics.ts";
import { type Endpoint, endpointsKey, isResolvedByDns, type Service } from "#model/service.ts";
import type { DestinationPolicy } from "#snapshot/destination-rules.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Destinations } from "#snapshot/scope.ts";
import { type Servers, type ServersByService, unknownServers } from "#snapshot/servers.ts";
import type { ServiceTarget } from "#snapshot/targets.ts";
import type { Resource } from "#xds/resource.ts";
import { type ResourceSet, sharedList, sharedSet, withOwn } from "#xds/resource-set.ts";
import { inboundTargets } from "../listeners/inbound.ts";
import { byName, encodeResource } from "../proto.ts";
import { fileSourceOf } from "../tls/secret-reference.ts";
import { blackHole, dynamicDns, inboundPassthrough, passthrough } from "./fixed.ts";
import { inboundCluster } from "./inbound.ts";
import { type ClusterSetting, outboundClusters } from "./outbound.ts";
import { effectivePolicy } from "./traffic-policy.ts";

/** One object for each distinct setting, as memos go by identity. */
const settings = memo((_mesh: MeshConfig) => new ByKey<ClusterSetting>());

function settingOf({ mesh, proxy, clusterId, gateways }: ProxyView): ClusterSetting {
  const { type: kind, filesApart } = proxy;
  const knowsPeers = proxy.peerLabels !== undefined;
  const forwardsTls = gateways.some(({ spec }) => spec.servers?.some(({ tls }) => tls?.mode === "AUTO_PASSTHROUGH"));
  const [certificate] = gateways.flatMap(({ metadata }) => metadata.annotations?.[backendCertificateAnnotation] ?? []);
  const backend = certificate === undefined ? {} : { backendCertificate: certificate };
  const key = `${kind} ${clusterId} ${knowsPeers} ${forwardsTls} ${certificate} ${filesApart}`;
  return settings(mesh).get(key, () => ({
    mesh,
    kind,
    clusterId,
    knowsPeers,
    forwardsTls,
    files: fileSourceOf(proxy),
    ...backend,
  }));
}

const placedSetting = memo((setting: ClusterSetting, locality: Locality): ClusterSetting => ({ ...setting, locality }));

/** Whether it matters from where names are called. */
const arePlaced = memo((dns: ProxyView["dnsEndpoints"]) =>
  [...dns.values()].some((endpoints) => endpoints.some(({ locality }) => locality.region !== "")),
);

const noEndpoints: readonly Endpoint[] = [];
const noPolicy: object = {};

function encode(cluster: Cluster): Resource {
  return encodeResource(cluster.name, ClusterSchema, cluster);
}

const ofService = memo(
  (
    service: Service,
    policy: object,
    endpoints: readonly Endpoint[],
    servers: Servers,
    setting: ClusterSetting,
  ): readonly Resource[] =>
    outboundClusters(
      service,
      policy === noPolicy ? undefined : (policy as DestinationPolicy),
      endpoints,
      servers,
      setting,
    ).map(encode),
);

const fixed = memo(({ mesh, kind }: ClusterSetting): readonly Resource[] => {
  if (kind === "router") return [encode(blackHole(mesh))];
  const byName = mesh.outboundTrafficPolicy.byHostName ? [dynamicDns(mesh)] : [];
  return [blackHole(mesh), passthrough(mesh), inboundPassthrough(mesh), ...byName].map(encode);
});

/** What all proxies of a kind in a namespace share. */
const shared = memo(
  (
    seen: Destinations,
    dns: ProxyView["dnsEndpoints"],
    servers: ServersByService,
    setting: ClusterSetting,
    placed: ClusterSetting,
  ): readonly Resource[] =>
    sharedList(
      byName([
        ...fixed(setting),
        ...seen.services.flatMap((service) => {
          const key = endpointsKey(service);
          const endpoints = isResolvedByDns(service) ? dns.get(key) : undefined;
          const policy = seen.policyOf(service) ?? noPolicy;
          const by = servers.get(key) ?? unknownServers;
          return ofService(service, policy, endpoints ?? noEndpoints, by, endpoints === undefined ? setting : placed);
        }),
      ]),
    ),
);

/** For what comes in: the same for pods that serve the same, and after a change of anything else. */
const inbound = memo(
  (targets: ProxyView["targets"], seen: Destinations, common: object, mesh: MeshConfig): readonly Resource[] =>
    byName(
      inboundTargets(targets).map((target) => {
        const sharing = targets.filter(({ targetPort }) => targetPort === target.targetPort);
        const services = [...new Set(sharing.map(({ service }) => service))];
        const pool = inboundPool(target, seen, common === noPool ? undefined : common);
        return encode(inboundCluster(target, services, pool, mesh));
      }),
    ),
);

const noPool: object = {};

/** What a Sidecar says of the port, or of all ports, comes before what clients are told. Istio: InboundConnectionPoolForPort. */
function inboundPool(
  { service, port, ingress }: ServiceTarget,
  seen: Destinations,
  common: ConnectionPool | undefined,
): ConnectionPool | undefined {
  return (
    ingress?.connectionPool ??
    common ??
    effectivePolicy(seen.policyOf(service)?.trafficPolicy, undefined, port.port).connectionPool
  );
}

/** All clusters of a proxy. */
export const clusterResources: (view: ProxyView) => ResourceSet = memo((view: ProxyView) => {
  const { destinations } = view.scope;
  const setting = settingOf(view);
  const placed = arePlaced(view.dnsEndpoints) ? placedSetting(setting, view.place.locality) : setting;
  const outbound = shared(destinations, view.dnsEndpoints, view.servers, setting, placed);
  if (view.proxy.type === "router" || view.targets.length === 0) return sharedSet(outbound);
  return withOwn(outbound, inbound(view.targets, destinations, view.inboundPool ?? noPool, view.mesh));
});
