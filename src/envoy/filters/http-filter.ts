import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import {
  type HttpFilter,
  HttpFilterSchema,
} from "#api/envoy/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js";
import { extension } from "../proto.ts";

/** A filter of a connection manager, with its configuration. */
export function httpFilter<Desc extends DescMessage>(
  name: string,
  schema: Desc,
  config: MessageShape<Desc>,
): HttpFilter {
  const { typedConfig } = extension(name, schema, config);
  return create(HttpFilterSchema, { name, configType: { case: "typedConfig", value: typedConfig } });
}
