import { create, type JsonObject } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type AccessLog, AccessLogSchema } from "#api/envoy/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { TypedExtensionConfigSchema } from "#api/envoy/gen/envoy/config/core/v3/extension_pb.js";
import { FileAccessLogSchema } from "#api/envoy/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { ReqWithoutQuerySchema } from "#api/envoy/gen/envoy/extensions/formatter/req_without_query/v3/req_without_query_pb.js";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";

/** The fields of Istio's default access log, in order: name in JSON, command operator, and whether text puts it in quotes. */
const fields: readonly (readonly [string, string])[] = [
  ["start_time", "[%START_TIME%]"],
  ["request", '"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%"'],
  ["response_code", "%RESPONSE_CODE%"],
  ["response_flags", "%RESPONSE_FLAGS%"],
  ["response_code_details", "%RESPONSE_CODE_DETAILS%"],
  ["connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"],
  ["upstream_transport_failure_reason", '"%UPSTREAM_TRANSPORT_FAILURE_REASON%"'],
  ["bytes_received", "%BYTES_RECEIVED%"],
  ["bytes_sent", "%BYTES_SENT%"],
  ["duration", "%DURATION%"],
  ["upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"],
  ["x_forwarded_for", '"%REQ(X-FORWARDED-FOR)%"'],
  ["user_agent", '"%REQ(USER-AGENT)%"'],
  ["request_id", '"%REQ(X-REQUEST-ID)%"'],
  ["authority", '"%REQ(:AUTHORITY)%"'],
  ["upstream_host", '"%UPSTREAM_HOST%"'],
  ["upstream_cluster", "%UPSTREAM_CLUSTER_RAW%"],
  ["upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"],
  ["downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"],
  ["downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"],
  ["requested_server_name", "%REQUESTED_SERVER_NAME%"],
  ["route_name", "%ROUTE_NAME%"],
];

const defaultText = `${fields.map(([, operator]) => operator).join(" ")}\n`;

/** JSON splits the request line into its three parts. */
const defaultJson: JsonObject = {
  ...Object.fromEntries(
    fields
      .filter(([name]) => name !== "request")
      .map(([name, operator]) => [name, operator.replace(/^["[]|["\]]$/g, "")]),
  ),
  method: "%REQ(:METHOD)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  protocol: "%PROTOCOL%",
};

/** The access logs that the mesh configuration asks for: one file, or none. */
export const accessLogs: (mesh: MeshConfig) => readonly AccessLog[] = memo((mesh: MeshConfig) => {
  if (mesh.accessLogFile === "") return [];
  const config = create(FileAccessLogSchema, {
    path: mesh.accessLogFile,
    accessLogFormat: {
      case: "logFormat",
      value: {
        format:
          mesh.accessLogEncoding === "JSON"
            ? { case: "jsonFormat", value: jsonFormat(mesh.accessLogFormat) }
            : {
                case: "textFormatSource",
                value: { specifier: { case: "inlineString", value: mesh.accessLogFormat || defaultText } },
              },
        formatters: [
          create(TypedExtensionConfigSchema, {
            name: "envoy.formatter.req_without_query",
            typedConfig: anyPack(ReqWithoutQuerySchema, create(ReqWithoutQuerySchema)),
          }),
        ],
      },
    },
  });
  return [
    create(AccessLogSchema, {
      name: "envoy.access_loggers.file",
      configType: { case: "typedConfig", value: anyPack(FileAccessLogSchema, config) },
    }),
  ];
});

function jsonFormat(custom: string): JsonObject {
  try {
    const parsed: unknown = custom === "" ? undefined : JSON.parse(custom);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as JsonObject;
  } catch {
    // A format that isn't JSON is as good as none; the mesh configuration is checked where it is read.
  }
  return defaultJson;
}
