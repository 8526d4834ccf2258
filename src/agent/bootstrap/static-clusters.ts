import type { AgentSettings } from "../settings.ts";

export const localClusterName = "local_cluster";

export const http2 = {
  typed_extension_protocol_options: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
} as const;

/** What Envoy knows without istiod: itself, the agent, and the agent's two sockets. */
export function staticClusters(settings: AgentSettings): object[] {
  const limits = { max_connections: 100_000, max_pending_requests: 100_000, max_requests: 100_000 };
  return [
    cluster("prometheus_stats", tcp(`127.0.0.1:${settings.adminPort}`), { connect_timeout: "0.250s" }),
    cluster("agent", tcp(`127.0.0.1:${settings.statusPort}`), { connect_timeout: "0.250s" }),
    cluster("sds-grpc", { pipe: { path: settings.identity.socket } }, http2),
    ...(settings.foreignSockets.workload
      ? [cluster("sds-files-grpc", { pipe: { path: settings.identity.filesSocket } }, http2)]
      : []),
    cluster(
      "xds-grpc",
      { pipe: { path: settings.xdsSocket } },
      {
        circuit_breakers: {
          thresholds: [
            { priority: "DEFAULT", ...limits },
            { priority: "HIGH", ...limits },
          ],
        },
        upstream_connection_options: { tcp_keepalive: { keepalive_time: 300 } },
        max_requests_per_connection: 1,
        ...http2,
      },
    ),
  ];
}

/** Those that share the proxy's load, as istiod knows them: from where they run Envoy sees what its zone's part is. */
export function localCluster(edsConfig: object): object {
  return {
    name: localClusterName,
    type: "EDS",
    connect_timeout: "1s",
    lb_policy: "ROUND_ROBIN",
    eds_cluster_config: { eds_config: edsConfig, service_name: localClusterName },
  };
}

/** A service outside of the pod, `host:port`, that is looked up. */
export function dnsCluster(name: string, address: string, more: object): object {
  return cluster(name, tcp(address), {
    type: "STRICT_DNS",
    respect_dns_ttl: true,
    dns_lookup_family: "V4_ONLY",
    ...more,
  });
}

function cluster(name: string, address: object, more: object): object {
  return {
    name,
    alt_stat_name: `${name};`,
    type: "STATIC",
    connect_timeout: "1s",
    lb_policy: "ROUND_ROBIN",
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
    ...more,
  };
}

/** `host:port` as an address. */
export function tcp(address: string): object {
  const at = address.lastIndexOf(":");
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, "$1");
  return { socket_address: { protocol: "TCP", address: host, port_value: Number(address.slice(at + 1)) } };
}
