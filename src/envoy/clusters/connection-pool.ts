import type { ConnectionPool } from "#api/istio/destination-rule.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isHttp, isHttp2, isSniffed } from "#model/protocol.ts";
import type { ServicePort } from "#model/service.ts";
import { duration, durationOf } from "../proto.ts";
import { type buildCluster, noLimits } from "./cluster.ts";
import { http2, httpOptions, likeDownstream, type Upstream } from "./http-options.ts";

type Differences = Parameters<typeof buildCluster>[2];

/** Time-outs, limits and HTTP version of an outbound cluster. Istio: applyConnectionPool, shouldH2Upgrade. */
export function connectionPool(
  pool: ConnectionPool | undefined,
  port: ServicePort,
  kind: "sidecar" | "router",
  mesh: MeshConfig,
): Differences {
  const { tcp = {}, http = {} } = pool ?? {};
  const keepalive = tcp.tcpKeepalive;
  const idleTimeout = durationOf(http.idleTimeout) ?? durationOf(tcp.idleTimeout);
  const maxConnectionDuration = durationOf(tcp.maxConnectionDuration);
  const maxRequestsPerConnection = http.maxRequestsPerConnection || undefined;
  const maxConcurrentStreams = http.maxConcurrentStreams || undefined;
  const common =
    idleTimeout || maxConnectionDuration || maxRequestsPerConnection || maxConcurrentStreams
      ? {
          ...(idleTimeout ? { idleTimeout } : {}),
          ...(maxConnectionDuration ? { maxConnectionDuration } : {}),
          ...(maxRequestsPerConnection ? { maxRequestsPerConnection } : {}),
        }
      : undefined;
  return {
    connectTimeout: durationOf(tcp.connectTimeout) ?? duration(mesh.connectTimeoutMs),
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: tcp.maxConnections || noLimits.maxConnections,
          maxPendingRequests: http.http1MaxPendingRequests || noLimits.maxPendingRequests,
          maxRequests: http.http2MaxRequests || noLimits.maxRequests,
          maxRetries: http.maxRetries || noLimits.maxRetries,
        },
      ],
    },
    ...(keepalive
      ? {
          upstreamConnectionOptions: {
            tcpKeepalive: {
              ...(keepalive.probes ? { keepaliveProbes: keepalive.probes } : {}),
              ...seconds("keepaliveTime", keepalive.time),
              ...seconds("keepaliveInterval", keepalive.interval),
            },
          },
        }
      : {}),
    typedExtensionProtocolOptions: httpOptions(upstream(http, port, kind, mesh, maxConcurrentStreams), common),
  };
}

function upstream(
  http: NonNullable<ConnectionPool["http"]>,
  port: ServicePort,
  kind: "sidecar" | "router",
  mesh: MeshConfig,
  maxConcurrentStreams: number | undefined,
): Upstream | undefined {
  if (http.useClientProtocol) return likeDownstream;
  const meshWide = mesh.h2Upgrade && http.h2UpgradePolicy !== "DO_NOT_UPGRADE" && isHttp(port.protocol);
  if (isHttp2(port.protocol) || http.h2UpgradePolicy === "UPGRADE" || meshWide) {
    if (maxConcurrentStreams === undefined) return http2;
    return {
      case: "explicitHttpConfig",
      value: { protocolConfig: { case: "http2ProtocolOptions", value: { maxConcurrentStreams } } },
    };
  }
  return isSniffed(port.protocol) && kind === "sidecar" ? likeDownstream : undefined;
}

function seconds<Key extends string>(key: Key, text: string | undefined): { readonly [K in Key]?: number } {
  const value = durationOf(text);
  return (value === undefined ? {} : { [key]: Number(value.seconds) }) as { readonly [K in Key]?: number };
}
