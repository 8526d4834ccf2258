import { create, type JsonObject } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_DiscoveryType,
  Cluster_LbPolicy,
  ClusterSchema,
} from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { ConfigSource } from "#api/envoy/gen/envoy/config/core/v3/config_source_pb.js";
import type { ClientTLS, PortPolicy, Subset } from "#api/istio/destination-rule.ts";
import type { Locality } from "#model/locality.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { ProxyType } from "#model/proxy.ts";
import { parentNamesAnnotation } from "#model/route-semantics.ts";
import { type Endpoint, isResolvedByDns, type Service, type ServicePort } from "#model/service.ts";
import type { DestinationPolicy } from "#snapshot/destination-rules.ts";
import type { Servers } from "#snapshot/servers.ts";
import { overAds } from "../config-source.ts";
import { dynamicCluster } from "../dynamic-forward-proxy.ts";
import { hasAddress } from "../endpoints/across-networks.ts";
import { loadAssignment, selectEndpoints } from "../endpoints/assignment.ts";
import {
  byLocality,
  hasOwnShares,
  type LocalityGroup,
  type LocalityRules,
  localityRules,
  placeGroups,
  zoneAwareness,
} from "../endpoints/locality-groups.ts";
import { clusterName, sniName, statName } from "../names.ts";
import { clientTls, fromRequest, ownTls } from "../tls/client.ts";
import { buildCluster } from "./cluster.ts";
import { connectionPool } from "./connection-pool.ts";
import { dnsSettings } from "./dns.ts";
import { serviceMetadata } from "./inbound.ts";
import { loadBalancing } from "./load-balancer.ts";
import { meshTransport, type Transport, withProxyProtocol } from "./mutual-tls.ts";
import { errorCodes, outlierDetection } from "./outlier.ts";
import { effectivePolicy } from "./traffic-policy.ts";

/** What clusters depend on beside their service. */
export interface ClusterSetting {
  readonly mesh: MeshConfig;
  readonly kind: ProxyType;
  readonly clusterId: string;
  /** Whether TLS goes on to services by the name that it asks for (AUTO_PASSTHROUGH). */
  readonly forwardsTls: boolean;
  /** Credential that a Kubernetes Gateway's proxies show to backends whose BackendTLSPolicy they call them by. */
  readonly backendCertificate?: string;
  /** Whether the proxy asks where those like it run. */
  readonly knowsPeers: boolean;
  /** Where it has secrets from that are in files. */
  readonly files: ConfigSource;
  /** Where the proxy runs, if clusters that hold their endpoints look at it. */
  readonly locality?: Locality;
}

/** The clusters of one service: for every port one for all endpoints, and one for each subset. `endpoints` are those of a service whose names proxies resolve. */
export function outboundClusters(
  service: Service,
  rule: DestinationPolicy | undefined,
  endpoints: readonly Endpoint[],
  servers: Servers,
  setting: ClusterSetting,
): readonly Cluster[] {
  const clusters: Cluster[] = [];
  for (const port of service.ports) {
    if (port.protocol === "UDP") continue;
    for (const subset of [undefined, ...(rule?.subsets ?? [])]) {
      const cluster = outboundCluster(service, port, rule, subset, endpoints, servers, setting);
      if (cluster === undefined) continue;
      clusters.push(cluster);
      if (setting.forwardsTls && !service.meshExternal) clusters.push(forwarding(cluster, service, port, subset));
    }
  }
  return clusters;
}

/** The same for TLS that isn't opened on its way. Istio: buildOutboundSniDnatClusters. */
function forwarding(
  cluster: Cluster,
  { hostname }: Service,
  { port }: ServicePort,
  subset: Subset | undefined,
): Cluster {
  const name = sniName(port, subset?.name ?? "", hostname);
  const { transportSocket: _own, edsClusterConfig: eds, loadAssignment, ...rest } = cluster;
  return create(ClusterSchema, {
    ...rest,
    name,
    altStatName: statName(name),
    transportSocketMatches: [],
    typedExtensionProtocolOptions: {},
    ...(eds ? { edsClusterConfig: { ...eds, serviceName: name } } : {}),
    ...(loadAssignment ? { loadAssignment: { ...loadAssignment, clusterName: name } } : {}),
  });
}

function outboundCluster(
  service: Service,
  port: ServicePort,
  rule: DestinationPolicy | undefined,
  subset: Subset | undefined,
  endpoints: readonly Endpoint[],
  servers: Servers,
  setting: ClusterSetting,
): Cluster | undefined {
  const { mesh, kind } = setting;
  const name = clusterName("outbound", port.port, subset?.name ?? "", service.hostname);
  const policy = effectivePolicy(rule?.trafficPolicy, subset?.trafficPolicy, port.port);
  const places = localityRules(policy, mesh, service.trafficDistribution);
  const selected = selectEndpoints(endpoints, port.name, subset, setting.clusterId).filter(hasAddress);
  if (isResolvedByDns(service) && selected.length === 0) return undefined;
  const weighted = places !== undefined && hasOwnShares(places);
  const placed = placedEndpoints(selected, places, setting);
  const discovery = discoverEndpoints(name, service, port, policy, placed, weighted, setting);
  const outlier = policy.outlierDetection;
  const tls = ownTls(policy.tls, kind === "router" || rule?.workloadSelector !== undefined, service.subjectAltNames);
  const automatic = tls && fromRequest(tls);
  const secrets = { files: setting.files, shown: shownTo(rule, setting) };
  const { http2, ...pool } = connectionPool(policy, port, kind, mesh, {
    ...(automatic ? { upstreamHttpProtocolOptions: automatic } : {}),
    ...errorCodes(outlier),
  });
  const transport: Transport = tls
    ? { transportSocket: clientTls(withNames(tls, service), http2, mesh, secrets) }
    : meshTransport(policy, service, port, subset?.name ?? "", servers, mesh, discovery.clusterDiscoveryType);
  return buildCluster(name, mesh.connectTimeoutMs, {
    ...pool,
    ...discovery,
    // Explicitly 0 turns Envoy's panic mode off, which few pods per service would set off too easily.
    commonLbConfig: {
      healthyPanicThreshold: { value: outlier?.minHealthPercent ?? 0 },
      ...(discovery.loadBalancingPolicy ? {} : sharesOf(service, policy, weighted, setting)),
    },
    ...(outlier ? { outlierDetection: outlierDetection(outlier) } : {}),
    ...withProxyProtocol(transport, policy.proxyProtocol),
    ...bufferLimit(mesh),
    metadata: { filterMetadata: { istio: clusterMetadata(service, rule, subset, policy) } },
  });
}

function bufferLimit({ http: { connections } }: MeshConfig) {
  const bytes = connections?.clusterBufferBytes;
  return bytes === undefined ? {} : { perConnectionBufferLimitBytes: bytes };
}

function shownTo(rule: DestinationPolicy | undefined, { backendCertificate }: ClusterSetting): string | undefined {
  const isGenerated = rule?.sources.some(({ metadata }) => metadata.annotations?.[parentNamesAnnotation] !== undefined);
  return isGenerated ? backendCertificate : undefined;
}

/** Names that a ServiceEntry gives its servers count where the policy has none. Istio: constructUpstreamTLS. */
function withNames<T extends ClientTLS>(tls: T, { registry, subjectAltNames }: Service): T {
  const own = (tls.subjectAltNames ?? []).length > 0;
  return own || registry !== "External" ? tls : { ...tls, subjectAltNames };
}

/**
 * How localities share traffic. A proxy that knows where those like it run would look at zones in any case, so it is told where not to.
 * Istio: applyZoneAwareLb.
 */
function sharesOf(
  service: Service,
  { loadBalancer }: PortPolicy,
  weighted: boolean,
  { mesh, knowsPeers }: ClusterSetting,
) {
  if (weighted) return { localityConfigSpecifier: { case: "localityWeightedLbConfig", value: {} } } as const;
  if (!knowsPeers || loadBalancer?.consistentHash) return {};
  const zones = zoneAwareness(loadBalancer, mesh, service.trafficDistribution);
  const value = {
    routingEnabled: { value: zones ? 100 : 0 },
    ...(zones?.minClusterSize ? { minClusterSize: BigInt(zones.minClusterSize) } : {}),
  };
  return { localityConfigSpecifier: { case: "zoneAwareLbConfig", value } } as const;
}

/** Endpoints that a cluster holds itself, by where they are. Istio: priorities by labels are only for those that come over EDS. */
function placedEndpoints(
  endpoints: readonly Endpoint[],
  rules: LocalityRules | undefined,
  { locality, clusterId }: ClusterSetting,
): readonly LocalityGroup[] {
  const groups = byLocality(endpoints);
  if (rules === undefined || locality === undefined) return groups;
  if (!rules.byRegion && rules.failoverPriority.length > 0 && rules.failover.length === 0) return groups;
  return placeGroups(
    groups,
    { ...rules, failoverPriority: [] },
    { locality, labels: {}, node: "", network: "" },
    clusterId,
  );
}

function onlyOne(group: LocalityGroup): LocalityGroup {
  const endpoints = group.endpoints.slice(0, 1);
  return { ...group, endpoints, weight: endpoints[0]?.weight ?? 1 };
}

/** How endpoints are found. Istio: convertResolution, and the load balancer that lets through. */
function discoverEndpoints(
  name: string,
  service: Service,
  port: ServicePort,
  policy: PortPolicy,
  groups: readonly LocalityGroup[],
  weighted: boolean,
  { kind, mesh, clusterId }: ClusterSetting,
): Parameters<typeof buildCluster>[2] {
  const lets = policy.loadBalancer?.simple === "PASSTHROUGH";
  if (lets || (service.resolution === "Passthrough" && kind === "sidecar")) {
    return {
      clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.ORIGINAL_DST },
      lbPolicy: Cluster_LbPolicy.CLUSTER_PROVIDED,
      ...(service.registry === "External" && typeof port.targetPort === "number" && port.targetPort !== port.port
        ? { lbConfig: { case: "originalDstLbConfig", value: { upstreamPortOverride: port.targetPort } } }
        : {}),
    };
  }
  if (isResolvedByDns(service)) {
    const [nearest] = groups;
    const first = service.resolution === "DNSRoundRobinLB";
    return {
      clusterDiscoveryType: {
        case: "type",
        value: first ? Cluster_DiscoveryType.LOGICAL_DNS : Cluster_DiscoveryType.STRICT_DNS,
      },
      ...loadBalancing(policy.loadBalancer, weighted),
      ...dnsSettings(mesh),
      // Of a logical host there is one.
      loadAssignment: loadAssignment(name, first && nearest ? [onlyOne(nearest)] : groups, clusterId),
    };
  }
  if (service.resolution === "DynamicDNS") return dynamicCluster(mesh);
  return {
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { serviceName: name, edsConfig: overAds },
    ...loadBalancing(policy.loadBalancer, weighted),
  };
}

function clusterMetadata(
  service: Service,
  rule: DestinationPolicy | undefined,
  subset: Subset | undefined,
  policy: PortPolicy,
): JsonObject {
  const ownTls = policy.tls?.mode !== undefined && policy.tls.mode !== "ISTIO_MUTUAL" && policy.tls.mode !== "DISABLE";
  return {
    services: [serviceMetadata(service)],
    ...(service.meshExternal ? { external: true } : {}),
    ...(rule ? { config: configPath("destination-rule", rule.namespace, rule.name) } : {}),
    ...(subset ? { subset: subset.name } : {}),
    ...(ownTls ? { alpn_override: "false" } : {}),
  };
}

/** How Istio names the resource that something comes from. */
export function configPath(kind: string, namespace: string, name: string, group = "networking.istio.io"): string {
  return `/apis/${group}/v1/namespaces/${namespace}/${kind}/${name}`;
}
