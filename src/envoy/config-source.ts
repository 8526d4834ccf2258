import { create } from "@bufbuild/protobuf";
import {
  ApiVersion,
  type ConfigSource,
  ConfigSourceSchema,
} from "#api/envoy/gen/envoy/config/core/v3/config_source_pb.js";
import { duration } from "./proto.ts";

/** Configuration that comes on the stream that asked for it, however long it takes. */
export const overAds: ConfigSource = create(ConfigSourceSchema, {
  configSourceSpecifier: { case: "ads", value: {} },
  initialFetchTimeout: duration(0),
  resourceApiVersion: ApiVersion.V3,
});
