import type { AgentSettings } from "../settings.ts";

/** 15090: Envoy's own metrics. 15021: readiness, answered by the agent through Envoy, so that it says both are up. */
export function staticListeners(settings: AgentSettings): object[] {
  const any = settings.instanceIps[0]?.includes(":") ? "::" : "0.0.0.0";
  return [
    listener(any, settings.prometheusPort, "stats", "/stats/prometheus", "prometheus_stats", [
      compressor("brotli", "Brotli"),
      compressor("zstd", "Zstd"),
      compressor("gzip", "Gzip"),
    ]),
    listener(any, settings.envoyStatusPort, "agent", "/healthz/ready", "agent", []),
  ];
}

function listener(
  address: string,
  port: number,
  statPrefix: string,
  prefix: string,
  cluster: string,
  filters: object[],
): object {
  return {
    name: `${address}_${port}`,
    address: { socket_address: { protocol: "TCP", address, port_value: port } },
    ignore_global_conn_limit: true,
    bypass_overload_manager: true,
    filter_chains: [
      {
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
                  { name: "backend", domains: ["*"], routes: [{ match: { prefix }, route: { cluster } }] },
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
