import type { ProxyConfig } from "../proxy-config.ts";
import { type ClientTls, upstreamTls } from "./client-tls.ts";
import { dnsCluster } from "./static-clusters.ts";

/** ProxyConfig's own tracing, from before there was Telemetry. */
export interface ProxyTracing {
  readonly zipkin?: { readonly address?: string };
  readonly datadog?: { readonly address?: string };
  /** Envoy has no tracer for it any more. */
  readonly lightstep?: { readonly address?: string };
  readonly tlsSettings?: ClientTls;
}

interface Tracer {
  readonly cluster: object;
  readonly http: object;
}

/** Where spans go and how; undefined for none. `service` is the name that spans are filed under. */
export function tracer({ tracing }: ProxyConfig, service: string): Tracer | undefined {
  const tls = upstreamTls(tracing?.tlsSettings);
  if (tracing?.zipkin?.address)
    return {
      cluster: dnsCluster("zipkin", tracing.zipkin.address, { dns_refresh_rate: "30s", ...tls }),
      http: {
        name: "envoy.tracers.zipkin",
        typed_config: {
          "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
          collector_cluster: "zipkin",
          collector_endpoint: "/api/v2/spans",
          collector_endpoint_version: "HTTP_JSON",
          trace_id_128bit: true,
          shared_span_context: false,
        },
      },
    };
  if (tracing?.datadog?.address)
    return {
      cluster: dnsCluster("datadog_agent", tracing.datadog.address, tls),
      http: {
        name: "envoy.tracers.datadog",
        typed_config: {
          "@type": "type.googleapis.com/envoy.config.trace.v3.DatadogConfig",
          collector_cluster: "datadog_agent",
          service_name: service,
        },
      },
    };
  return undefined;
}
