import type { ConnectionPool } from "#api/istio/destination-rule.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isHttp, isHttp2, isSniffed } from "#model/protocol.ts";
import type { ServicePort } from "#model/service.ts";
import { duration, durationOf } from "../proto.ts";
import { type buildCluster, noLimits } from "./cluster.ts";
import {
  type HttpSettings,
  http2With,
  httpOptions,
  isExplicitHttp2,
  likeDownstream,
  type Upstream,
} from "./http-options.ts";
import type { EffectivePolicy } from "./traffic-policy.ts";

type Differences = Parameters<typeof buildCluster>[2];

/** Time-outs, limits and HTTP version of an outbound cluster. Istio: applyConnectionPool, shouldH2Upgrade. */
export function connectionPool(
  policy: EffectivePolicy,
  port: ServicePort,
  kind: "sidecar" | "router",
  mesh: MeshConfig,
  more: HttpSettings,
): Differences & { readonly http2: boolean } {
  const { tcp = {}, http = {} } = policy.connectionPool ?? {};
  const spoken = upstream(http, port, kind, mesh);
  const keepalive = tcp.tcpKeepalive || mesh.tcpKeepalive ? { ...mesh.tcpKeepalive, ...tcp.tcpKeepalive } : undefined;
  const idleTimeout = durationOf(http.idleTimeout) ?? durationOf(tcp.idleTimeout);
  const maxConnectionDuration = durationOf(tcp.maxConnectionDuration);
  const maxRequestsPerConnection = http.maxRequestsPerConnection || undefined;
  const maxConcurrentStreams = http.maxConcurrentStreams || undefined;
  const common =
    idleTimeout || maxConnectionDuration || maxRequestsPerConnection || maxConcurrentStreams
      ? {
          commonHttpProtocolOptions: {
            ...(idleTimeout ? { idleTimeout } : {}),
            ...(maxConnectionDuration ? { maxConnectionDuration } : {}),
            ...(maxRequestsPerConnection ? { maxRequestsPerConnection } : {}),
          },
        }
      : {};
  return {
    http2: isExplicitHttp2(spoken),
    connectTimeout: durationOf(tcp.connectTimeout) ?? duration(mesh.connectTimeoutMs),
    circuitBreakers: {
      thresholds: [
        {
          maxConnections: tcp.maxConnections || noLimits.maxConnections,
          maxPendingRequests: http.http1MaxPendingRequests || noLimits.maxPendingRequests,
          maxRequests: http.http2MaxRequests || noLimits.maxRequests,
          maxRetries: http.maxRetries || noLimits.maxRetries,
          ...retryBudget(policy.retryBudget),
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
    typedExtensionProtocolOptions: httpOptions(mesh, spoken, { ...common, ...more }),
  };
}

/** Istio: applyRetryBudget. */
function retryBudget(budget: EffectivePolicy["retryBudget"]) {
  if (budget === undefined) return {};
  const { percent = 20, minRetryConcurrency = 0 } = budget;
  return { retryBudget: { budgetPercent: { value: percent }, minRetryConcurrency: minRetryConcurrency || 3 } };
}

function upstream(
  http: NonNullable<ConnectionPool["http"]>,
  port: ServicePort,
  kind: "sidecar" | "router",
  mesh: MeshConfig,
): Upstream | undefined {
  if (http.useClientProtocol) return likeDownstream;
  const meshWide = mesh.h2Upgrade && http.h2UpgradePolicy !== "DO_NOT_UPGRADE" && isHttp(port.protocol);
  if (isHttp2(port.protocol) || http.h2UpgradePolicy === "UPGRADE" || meshWide) {
    return http2With({
      ...(http.maxConcurrentStreams ? { maxConcurrentStreams: http.maxConcurrentStreams } : {}),
      ...pings(http.http2KeepAlive),
    });
  }
  return isSniffed(port.protocol) && kind === "sidecar" ? likeDownstream : undefined;
}

/** Pings that find out whether an idle connection still works. */
function pings(keepAlive: NonNullable<ConnectionPool["http"]>["http2KeepAlive"]) {
  const interval = durationOf(keepAlive?.interval);
  const timeout = durationOf(keepAlive?.timeout);
  return interval && timeout ? { connectionKeepalive: { interval, timeout } } : {};
}

function seconds<Key extends string>(key: Key, text: string | undefined): { readonly [K in Key]?: number } {
  const value = durationOf(text);
  return (value === undefined ? {} : { [key]: Number(value.seconds) }) as { readonly [K in Key]?: number };
}
