import { Cluster_DiscoveryType } from "#api/envoy/gen/envoy/config/cluster/v3/cluster_pb.js";
import type { TransportSocket } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import type { TrafficPolicy } from "#api/istio/destination-rule.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Service, ServicePort } from "#model/service.ts";
import type { Servers } from "#snapshot/servers.ts";
import { sniName } from "../names.ts";
import { meshClientTls } from "../tls/mesh.ts";
import { plainText } from "../tls/plain.ts";
import type { buildCluster } from "./cluster.ts";
import { proxyProtocol } from "./proxy-protocol.ts";
import type { EffectivePolicy } from "./traffic-policy.ts";

type Differences = Parameters<typeof buildCluster>[2];

/** How connections to a cluster's endpoints are secured: all in one way, or each as its endpoint's metadata says. */
export type Transport = Pick<Differences, "transportSocketMatches"> & {
  readonly transportSocket?: TransportSocket;
};

const plain: Transport = {};

/**
 * The mesh's own TLS. A DestinationRule asks for it (ISTIO_MUTUAL), or nobody says anything, and then it is for those endpoints that can take
 * it. Istio: buildUpstreamTLSSettings, applyUpstreamTLSSettings.
 */
export function meshTransport(
  { tls }: EffectivePolicy,
  service: Service,
  port: ServicePort,
  subset: string,
  { names, mode, plainPorts }: Servers,
  mesh: MeshConfig,
  discovery: Differences["clusterDiscoveryType"],
): Transport {
  const sni = sniName(port.port, subset, service.hostname);
  if (tls?.mode === "ISTIO_MUTUAL") {
    return { transportSocket: meshClientTls(tls.sni || sni, tls.subjectAltNames ?? names, mesh) };
  }
  if (tls !== undefined || service.meshExternal || !mesh.enableAutoMtls || mode === "DISABLE") return plain;
  const socket = meshClientTls(sni, names, mesh);
  if (discovery?.case !== "type" || discovery.value !== Cluster_DiscoveryType.ORIGINAL_DST) {
    return {
      transportSocketMatches: [
        { name: "tlsMode-istio", match: { tlsMode: "istio" }, transportSocket: socket },
        { name: "tlsMode-disabled", match: {}, transportSocket: plainText },
      ],
    };
  }
  // Clients choose the address, so nothing is known of it: only where everybody takes mutual TLS it is sure to.
  const known = names.length > 0 && !plainPorts.includes(port.name);
  return known ? { transportSocket: socket } : plain;
}

/** The same with a PROXY header before all else. Istio: applyUpstreamProxyProtocol. */
export function withProxyProtocol(transport: Transport, settings: TrafficPolicy["proxyProtocol"]): Transport {
  if (settings === undefined) return transport;
  const { transportSocketMatches: matches } = transport;
  if (matches === undefined) return { transportSocket: proxyProtocol(settings, transport.transportSocket) };
  return {
    transportSocketMatches: matches.map((one) => ({
      ...one,
      transportSocket: proxyProtocol(settings, one.transportSocket as TransportSocket),
    })),
  };
}
