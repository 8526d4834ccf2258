import { create } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import {
  type Http1ProtocolOptions,
  Http1ProtocolOptionsSchema,
} from "#api/envoy/gen/envoy/config/core/v3/protocol_pb.js";

/** Its settings are all at their defaults, so there is nothing in it. */
const preserveCase: Any = create(AnySchema, {
  typeUrl: "type.googleapis.com/envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig",
});

/** HTTP/1 options under which header names keep their capitals. */
export const preservingCase: Http1ProtocolOptions = create(Http1ProtocolOptionsSchema, {
  headerKeyFormat: {
    headerFormat: {
      case: "statefulFormatter",
      value: { name: "envoy.http.stateful_header_formatters.preserve_case", typedConfig: preserveCase },
    },
  },
});
