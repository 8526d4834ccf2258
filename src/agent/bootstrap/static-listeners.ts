import type { AgentSettings } from "../settings.ts";
import { secret } from "./client-tls.ts";

/**
 * 15090: Envoy's own metrics. 15021: readiness, answered by the agent through Envoy, so that it says both are up. Where ports for it are
 * set, metrics for peers in the mesh only: Envoy's own, and those that the agent merges.
 */
export function staticListeners(settings: AgentSettings): object[] {
  const any = settings.instanceIps[0]?.includes(":") ? "::" : "0.0.0.0";
  return [
    listener(any, settings.prometheusPort, "stats", ["/stats/prometheus"], "prometheus_stats", [
      compressor("brotli", "Brotli"),
      compressor("zstd", "Zstd"),
      compressor("gzip", "Gzip"),
    ]),
    ...secure(any, settings.secureMetricsPort, "secure_stats", ["/stats/prometheus"], "prometheus_stats"),
    ...secure(any, settings.secureMergedMetricsPort, "secure_merged_stats", ["/stats/prometheus", "/metrics"], "agent"),
    listener(any, settings.envoyStatusPort, "agent", ["/healthz/ready"], "agent", []),
  ];
}

function secure(address: string, port: number | undefined, name: string, paths: readonly string[], cluster: string) {
  return port === undefined ? [] : [listener(address, port, name, paths, cluster, [], mutualTls)];
}

const mutualTls = {
  listener: {
    listener_filters: [
      {
        name: "envoy.filters.listener.tls_inspector",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
        },
      },
    ],
  },
  chain: {
    filter_chain_match: { transport_protocol: "tls" },
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        require_client_certificate: true,
        common_tls_context: {
          tls_certificate_sds_secret_configs: [secret("default")],
          combined_validation_context: {
            default_validation_context: {},
            validation_context_sds_secret_config: secret("ROOTCA"),
          },
        },
      },
    },
  },
};

function listener(
  address: string,
  port: number,
  statPrefix: string,
  prefixes: readonly string[],
  cluster: string,
  filters: object[],
  tls: { readonly listener: object; readonly chain: object } = { listener: {}, chain: {} },
): object {
  return {
    name: `${address}_${port}`,
    address: { socket_address: { protocol: "TCP", address, port_value: port } },
    ignore_global_conn_limit: true,
    bypass_overload_manager: true,
    ...tls.listener,
    filter_chains: [
      {
        ...tls.chain,
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typed_config: {
              "@type":
                "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
              codec_type: "AUTO",
              stat_prefix: statPrefix,
              route_config: {
                virtual_hosts: [
                  {
                    name: "backend",
                    domains: ["*"],
                    routes: prefixes.map((prefix) => ({ match: { prefix }, route: { cluster } })),
                  },
                ],
              },
              http_filters: [
                ...filters,
                {
                  name: "envoy.filters.http.router",
                  typed_config: {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                  },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

const compressedTypes = [
  "text/plain",
  "application/vnd.google.protobuf",
  "application/openmetrics-text",
  "application/openmetrics-protobuf",
];

function compressor(name: string, message: string): object {
  return {
    name: `envoy.filters.http.compressor.${name}`,
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.compressor.v3.Compressor",
      compressor_library: {
        name: `stats_${name}`,
        typed_config: { "@type": `type.googleapis.com/envoy.extensions.compression.${name}.compressor.v3.${message}` },
      },
      response_direction_config: { common_config: { content_type: compressedTypes } },
    },
  };
}
