import type { XdsNode } from "../node.ts";
import type { PodInfo } from "../pod-info.ts";
import type { AgentSettings } from "../settings.ts";
import { remoteClusters, statsSinks } from "./sinks.ts";
import { localCluster, localClusterName, staticClusters } from "./static-clusters.ts";
import { staticListeners } from "./static-listeners.ts";
import { statsConfig, statsTimes } from "./stats.ts";
import { tracer } from "./tracing.ts";

const configSource = { ads: {}, initial_fetch_timeout: "0s", resource_api_version: "V3" };

/** Envoy's bootstrap as JSON: everything else comes over ADS from the agent's socket. */
export function bootstrap(settings: AgentSettings, node: XdsNode, pod: PodInfo): object {
  const { proxyConfig } = settings;
  const traces = tracer(proxyConfig, node.cluster);
  const sinks = statsSinks(proxyConfig);
  const knowsPeers = node.metadata["ENABLE_SELF_DISCOVERY"] === "true";
  return {
    application_log_config: { log_format: { text_format: "%Y-%m-%dT%T.%fZ\t%l\tenvoy %n %g:%#\t%v\tthread=%t" } },
    node,
    layered_runtime: {
      layers: [
        {
          name: "global config",
          static_layer: {
            "envoy.deprecated_features:envoy.config.listener.v3.Listener.hidden_envoy_deprecated_use_original_dst": true,
            "envoy.reloadable_features.coalesce_lb_rebuilds_on_batch_update": false,
            "envoy.reloadable_features.fixed_heap_use_allocated": true,
            "envoy.reloadable_features.http_reject_path_with_fragment": false,
            "re2.max_program_size.error_level": "32768",
            ...proxyConfig.runtimeValues,
          },
        },
        { name: "admin", admin_layer: {} },
      ],
    },
    bootstrap_extensions: [
      {
        name: "envoy.bootstrap.internal_listener",
        typed_config: {
          "@type": "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener",
          buffer_size_kb: 64,
        },
      },
    ],
    stats_config: statsConfig(settings, pod),
    ...statsTimes(pod),
    admin: {
      access_log: [
        {
          name: "envoy.access_loggers.file",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            path: "/dev/null",
          },
        },
      ],
      profile_path: "/var/lib/istio/data/envoy.prof",
      address: { socket_address: { address: "127.0.0.1", port_value: settings.adminPort } },
    },
    dynamic_resources: {
      lds_config: configSource,
      cds_config: configSource,
      ads_config: {
        api_type: "DELTA_GRPC",
        set_node_on_first_message_only: true,
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "xds-grpc" } }],
      },
    },
    static_resources: {
      clusters: [
        ...staticClusters(settings),
        ...(knowsPeers ? [localCluster(configSource)] : []),
        ...(traces ? [traces.cluster] : []),
        ...remoteClusters(proxyConfig),
      ],
      listeners: staticListeners(settings),
    },
    overload_manager: {
      resource_monitors: [
        {
          name: "envoy.resource_monitors.global_downstream_max_connections",
          typed_config: {
            "@type":
              "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
            max_active_downstream_connections: maxConnections(settings, node),
          },
        },
      ],
    },
    ...(traces ? { tracing: { http: traces.http } } : {}),
    ...(sinks.length > 0 ? { stats_sinks: sinks } : {}),
    cluster_manager: {
      ...(settings.outlierLogPath ? { outlier_detection: { event_log_path: settings.outlierLogPath } } : {}),
      ...(knowsPeers ? { local_cluster_name: localClusterName } : {}),
      enable_deferred_cluster_creation: true,
    },
    deferred_stat_options: { enable_deferred_creation_stats: true },
  };
}

/** Istio: ProxyConfig's setting, else the proxy's metadata, else the runtime value, else as many as there can be. */
function maxConnections({ proxyConfig }: AgentSettings, node: XdsNode): number {
  const given = [
    proxyConfig.connectionSettings?.globalDownstreamConnectionLimit,
    node.metadata["GLOBAL_DOWNSTREAM_MAX_CONNECTIONS"],
    proxyConfig.runtimeValues?.["overload.global_downstream_max_connections"],
  ].map(Number);
  return given.find((limit) => Number.isInteger(limit) && limit > 0) ?? 2147483647;
}
