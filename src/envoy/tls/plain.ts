import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type TransportSocket, TransportSocketSchema } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import { RawBufferSchema } from "#api/envoy/gen/envoy/extensions/transport_sockets/raw_buffer/v3/raw_buffer_pb.js";

/** No TLS. */
export const plainText: TransportSocket = create(TransportSocketSchema, {
  name: "envoy.transport_sockets.raw_buffer",
  configType: { case: "typedConfig", value: anyPack(RawBufferSchema, create(RawBufferSchema)) },
});
