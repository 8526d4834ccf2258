import type { MessageInitShape } from "@bufbuild/protobuf";
import { HttpProtocolOptions_HeadersWithUnderscoresAction } from "#api/envoy/gen/envoy/config/core/v3/protocol_pb.js";
import {
  type HttpConnectionManager,
  HttpConnectionManager_PathWithEscapedSlashesAction,
  HttpConnectionManager_ServerHeaderTransformation,
  type HttpConnectionManagerSchema,
} from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import type { MeshConfig } from "#model/mesh-config.ts";
import { preservingCase } from "../preserve-case.ts";
import { duration } from "../proto.ts";

/** What a connection manager is made from. */
export type ManagerInit = Exclude<MessageInitShape<typeof HttpConnectionManagerSchema>, HttpConnectionManager>;

/** Headers of the proxy's own. Istio: GetProxyHeaders. */
export function headerHandling({ http: { headers } }: MeshConfig): ManagerInit {
  if (headers === undefined) return {};
  const { PASS_THROUGH } = HttpConnectionManager_ServerHeaderTransformation;
  return {
    ...(headers.server === false ? { serverName: "", serverHeaderTransformation: PASS_THROUGH } : {}),
    ...(headers.server ? { serverName: headers.server } : {}),
    ...(headers.requestId ? {} : { generateRequestId: false }),
    ...(headers.preserveCase ? { httpProtocolOptions: preservingCase } : {}),
    ...(headers.forwardedPort ? { appendXForwardedPort: true } : {}),
  };
}

/** Istio: applyConnectionSettingsToHCM. Paths as they say, whatever the mesh says. */
export function connectionLimits({ http: { connections } }: MeshConfig): ManagerInit {
  if (connections === undefined) return {};
  const common = {
    ...time("idleTimeout", connections.idleTimeoutMs),
    ...time("maxConnectionDuration", connections.maxConnectionDurationMs),
    ...time("maxStreamDuration", connections.maxStreamDurationMs),
    ...(connections.underscores
      ? { headersWithUnderscoresAction: HttpProtocolOptions_HeadersWithUnderscoresAction[connections.underscores] }
      : {}),
  };
  const http2 = {
    ...given("maxConcurrentStreams", connections.maxConcurrentStreams),
    ...given("initialStreamWindowSize", connections.streamWindowBytes),
    ...given("initialConnectionWindowSize", connections.connectionWindowBytes),
  };
  return {
    ...(Object.keys(common).length > 0 ? { commonHttpProtocolOptions: common } : {}),
    ...time("streamIdleTimeout", connections.streamIdleTimeoutMs),
    ...time("requestTimeout", connections.requestTimeoutMs),
    ...time("requestHeadersTimeout", connections.requestHeadersTimeoutMs),
    ...time("drainTimeout", connections.drainTimeoutMs),
    ...(Object.keys(http2).length > 0 ? { http2ProtocolOptions: http2 } : {}),
    ...given("mergeSlashes", connections.mergeSlashes),
    ...(connections.escapedSlashes
      ? {
          pathWithEscapedSlashesAction: HttpConnectionManager_PathWithEscapedSlashesAction[connections.escapedSlashes],
        }
      : {}),
  };
}

function given<Key extends string, T>(key: Key, value: T | undefined): { readonly [K in Key]?: T } {
  return (value === undefined ? {} : { [key]: value }) as { readonly [K in Key]?: T };
}

function time<Key extends string>(key: Key, milliseconds: number | undefined) {
  return given(key, milliseconds === undefined ? undefined : duration(milliseconds));
}
