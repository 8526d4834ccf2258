import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { ConfigSchema } from "#api/envoy/gen/envoy/extensions/filters/http/set_filter_state/v3/set_filter_state_pb.js";
import type { HttpFilter } from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { isSniffed } from "#model/protocol.ts";
import { findPort, type Service } from "#model/service.ts";
import type { DestinationPolicy } from "#snapshot/destination-rules.ts";
import { effectivePolicy } from "../clusters/traffic-policy.ts";
import { httpFilter } from "./http-filter.ts";

/**
 * A port whose protocol isn't declared is looked into by its sidecar. It can't look into TLS before it opens it, and how, depends on
 * what is inside; so who sends requests says it when TLS begins, by ALPN. Istio: the filter `istio.alpn`.
 */
const offeredProtocols = "weft.offered_protocols";

/** Does nothing but where a route says so. */
export const offeredProtocolsFilter: HttpFilter = httpFilter(offeredProtocols, ConfigSchema, create(ConfigSchema));

/** For a route to such a port. */
const http: Any = anyPack(
  ConfigSchema,
  create(ConfigSchema, {
    onRequestHeaders: [
      {
        key: { case: "objectKey", value: "envoy.network.application_protocols" },
        value: {
          case: "formatString",
          value: {
            format: {
              case: "textFormatSource",
              value: { specifier: { case: "inlineString", value: "istio-http/1.1,istio" } },
            },
          },
        },
      },
    ],
  }),
);

/** What a route's configuration says of it, if its destination is such a port, and calls to it use the mesh's own TLS. */
export function offersOf(
  service: Service | undefined,
  port: number,
  subset: string,
  policy: DestinationPolicy | undefined,
): Readonly<Record<string, Any>> {
  if (service === undefined || service.meshExternal || !isSniffed(findPort(service, port)?.protocol ?? "TCP"))
    return {};
  const ofSubset = policy?.subsets.find(({ name }) => name === subset)?.trafficPolicy;
  const { tls } = effectivePolicy(policy?.trafficPolicy, ofSubset, port);
  return tls === undefined || tls.mode === "ISTIO_MUTUAL" ? { [offeredProtocols]: http } : {};
}
