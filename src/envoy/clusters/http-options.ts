import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import {
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from "#api/envoy/gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.js";

const key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export type Upstream = NonNullable<
  Exclude<MessageInitShape<typeof HttpProtocolOptionsSchema>, HttpProtocolOptions>["upstreamProtocolOptions"]
>;

/** What the client speaks is spoken on. */
export const likeDownstream: Upstream = {
  case: "useDownstreamProtocolConfig",
  value: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
};

export const http2: Upstream = {
  case: "explicitHttpConfig",
  value: { protocolConfig: { case: "http2ProtocolOptions", value: {} } },
};

const http1: Upstream = {
  case: "explicitHttpConfig",
  value: { protocolConfig: { case: "httpProtocolOptions", value: {} } },
};

/** `typedExtensionProtocolOptions` of a cluster; empty where nothing differs from Envoy's default, HTTP/1.1. */
export function httpOptions(
  upstream: Upstream | undefined,
  common?: Exclude<
    MessageInitShape<typeof HttpProtocolOptionsSchema>,
    HttpProtocolOptions
  >["commonHttpProtocolOptions"],
): Record<string, Any> {
  if (upstream === undefined && common === undefined) return {};
  const options = create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: upstream ?? http1,
    ...(common === undefined ? {} : { commonHttpProtocolOptions: common }),
  });
  return { [key]: anyPack(HttpProtocolOptionsSchema, options) };
}
