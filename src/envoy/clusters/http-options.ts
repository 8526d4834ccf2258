import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import type { Http2ProtocolOptionsSchema } from "#api/envoy/gen/envoy/config/core/v3/protocol_pb.js";
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from "#api/envoy/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";

import type { MeshConfig } from "#model/mesh-config.ts";
import { preservingCase } from "../preserve-case.ts";

const key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export type Upstream = NonNullable<
  Exclude<MessageInitShape<typeof HttpProtocolOptionsSchema>, HttpProtocolOptions>["upstreamProtocolOptions"]
>;

/** What the client speaks is spoken on. */
export const likeDownstream: Extract<Upstream, { case: "useDownstreamProtocolConfig" }> = {
  case: "useDownstreamProtocolConfig",
  value: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
};

/** HTTP/2 whatever the client speaks. */
export function http2With(settings: MessageInitShape<typeof Http2ProtocolOptionsSchema>): Upstream {
  return {
    case: "explicitHttpConfig",
    value: { protocolConfig: { case: "http2ProtocolOptions", value: settings } },
  };
}

export const http2: Upstream = http2With({});

/** Whether it is HTTP/2 whatever the client speaks. */
export function isExplicitHttp2(upstream: Upstream | undefined): boolean {
  return upstream?.case === "explicitHttpConfig" && upstream.value.protocolConfig?.case === "http2ProtocolOptions";
}

const http1: Upstream = {
  case: "explicitHttpConfig",
  value: { protocolConfig: { case: "httpProtocolOptions", value: {} } },
};

export type HttpSettings = Pick<
  Exclude<MessageInitShape<typeof HttpProtocolOptionsSchema>, HttpProtocolOptions>,
  "commonHttpProtocolOptions" | "upstreamHttpProtocolOptions" | "outlierDetection"
>;

/** The same with the capitals of HTTP/1 header names kept. */
function withCase(upstream: Upstream): Upstream {
  if (upstream === likeDownstream)
    return { ...likeDownstream, value: { httpProtocolOptions: preservingCase, http2ProtocolOptions: {} } };
  if (upstream !== http1) return upstream;
  const protocolConfig = { case: "httpProtocolOptions", value: preservingCase } as const;
  return { case: "explicitHttpConfig", value: { protocolConfig } };
}

/** `typedExtensionProtocolOptions` of a cluster; empty where nothing differs from Envoy's default, HTTP/1.1. */
export function httpOptions(
  { http: { headers } }: MeshConfig,
  upstream: Upstream | undefined,
  settings: HttpSettings = {},
): Record<string, Any> {
  if (upstream === undefined && Object.keys(settings).length === 0 && !headers?.preserveCase) return {};
  const spoken = upstream ?? http1;
  const upstreamProtocolOptions = headers?.preserveCase ? withCase(spoken) : spoken;
  const options = create(HttpProtocolOptionsSchema, { upstreamProtocolOptions, ...settings });
  return { [key]: anyPack(HttpProtocolOptionsSchema, options) };
}
