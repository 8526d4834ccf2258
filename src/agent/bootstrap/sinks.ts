import type { ProxyConfig } from "../proxy-config.ts";
import { type ClientTls, upstreamTls } from "./client-tls.ts";
import { dnsCluster, http2, tcp } from "./static-clusters.ts";

/** A gRPC service that metrics or access logs are sent to. */
export interface RemoteService {
  readonly address?: string;
  readonly tlsSettings?: ClientTls;
}

function serviceCluster(name: string, { address = "", tlsSettings }: RemoteService): object {
  return dnsCluster(name, address, { ...http2, ...upstreamTls(tlsSettings, ["h2"]) });
}

/** The clusters of the services that ProxyConfig names. The one for access logs is for EnvoyFilters and Telemetry to use. */
export function remoteClusters({ envoyMetricsService, envoyAccessLogService }: ProxyConfig): object[] {
  return [
    ...(envoyMetricsService?.address ? [serviceCluster("envoy_metrics_service", envoyMetricsService)] : []),
    ...(envoyAccessLogService?.address ? [serviceCluster("envoy_accesslog_service", envoyAccessLogService)] : []),
  ];
}

/** Where Envoy sends its metrics by itself. */
export function statsSinks({ envoyMetricsService, statsdUdpAddress }: ProxyConfig): object[] {
  const metrics = {
    name: "envoy.stat_sinks.metrics_service",
    typed_config: {
      "@type": "type.googleapis.com/envoy.config.metrics.v3.MetricsServiceConfig",
      transport_api_version: "V3",
      grpc_service: { envoy_grpc: { cluster_name: "envoy_metrics_service" } },
    },
  };
  return [
    ...(envoyMetricsService?.address ? [metrics] : []),
    ...(statsdUdpAddress ? [statsdSink(statsdUdpAddress)] : []),
  ];
}

function statsdSink(address: string): object {
  return {
    name: "envoy.stat_sinks.statsd",
    typed_config: { "@type": "type.googleapis.com/envoy.config.metrics.v3.StatsdSink", address: tcp(address) },
  };
}
