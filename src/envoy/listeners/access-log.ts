import { create, type JsonObject, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import {
  type AccessLog,
  type AccessLogFilter,
  type AccessLogFilterSchema,
  AccessLogSchema,
} from "#api/envoy/gen/envoy/config/accesslog/v3/accesslog_pb.js";
import { TypedExtensionConfigSchema } from "#api/envoy/gen/envoy/config/core/v3/extension_pb.js";
import type {
  SubstitutionFormatString,
  SubstitutionFormatStringSchema,
} from "#api/envoy/gen/envoy/config/core/v3/substitution_format_string_pb.js";
import { FileAccessLogSchema } from "#api/envoy/gen/envoy/extensions/access_loggers/file/v3/file_pb.js";
import { ExpressionFilterSchema } from "#api/envoy/gen/envoy/extensions/access_loggers/filters/cel/v3/cel_pb.js";
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

type Format = NonNullable<
  Exclude<MessageInitShape<typeof SubstitutionFormatStringSchema>, SubstitutionFormatString>["format"]
>;
type Filter = NonNullable<Exclude<MessageInitShape<typeof AccessLogFilterSchema>, AccessLogFilter>["filterSpecifier"]>;

/** The access logs that the mesh configuration asks for: one file, or none. */
export const accessLogs: (mesh: MeshConfig) => readonly AccessLog[] = memo((mesh: MeshConfig) =>
  mesh.accessLogFile === "" ? [] : [fileLog(mesh, requestFormat(mesh))],
);

/**
 * Of connections that get to no filter: those that no chain is for, such as plain text at a STRICT port (Istio: setListenerAccessLog),
 * and those whose TLS handshake failed, with the reason, which Istio leaves to statistics.
 */
export const listenerAccessLogs: (mesh: MeshConfig) => readonly AccessLog[] = memo((mesh: MeshConfig) =>
  mesh.accessLogFile === ""
    ? []
    : [
        fileLog(mesh, requestFormat(mesh), { case: "responseFlagFilter", value: { flags: ["NR"] } }),
        fileLog(mesh, handshakeFormat(mesh), {
          case: "extensionFilter",
          value: {
            name: "envoy.access_loggers.extension_filters.cel",
            configType: {
              case: "typedConfig",
              value: anyPack(ExpressionFilterSchema, create(ExpressionFilterSchema, { expression: handshakeFailed })),
            },
          },
        }),
      ],
);

/** What no chain is for has a line already. */
const handshakeFailed =
  "connection.transport_failure_reason != '' && " +
  "!(has(response.code_details) && response.code_details == 'filter_chain_not_found')";

function fileLog(mesh: MeshConfig, format: Format, filterSpecifier?: Filter): AccessLog {
  const config = create(FileAccessLogSchema, {
    path: mesh.accessLogFile,
    accessLogFormat: {
      case: "logFormat",
      value: {
        format,
        formatters: [
          create(TypedExtensionConfigSchema, {
            name: "envoy.formatter.req_without_query",
            typedConfig: anyPack(ReqWithoutQuerySchema, create(ReqWithoutQuerySchema)),
          }),
        ],
      },
    },
  });
  return create(AccessLogSchema, {
    name: "envoy.access_loggers.file",
    configType: { case: "typedConfig", value: anyPack(FileAccessLogSchema, config) },
    ...(filterSpecifier ? { filter: { filterSpecifier } } : {}),
  });
}

function requestFormat({ accessLogEncoding, accessLogFormat }: MeshConfig): Format {
  if (accessLogEncoding === "JSON") return { case: "jsonFormat", value: jsonFormat(accessLogFormat) };
  return {
    case: "textFormatSource",
    value: { specifier: { case: "inlineString", value: accessLogFormat || defaultText } },
  };
}

/** What there is to say of a handshake, whatever is said of requests. */
const handshakeFields: JsonObject = {
  start_time: "%START_TIME%",
  handshake_failure: "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%",
  requested_server_name: "%REQUESTED_SERVER_NAME%",
  downstream_local_address: "%DOWNSTREAM_LOCAL_ADDRESS%",
  downstream_remote_address: "%DOWNSTREAM_REMOTE_ADDRESS%",
};
const handshakeText =
  '[%START_TIME%] "TLS handshake" failed "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%" ' +
  "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME%\n";

function handshakeFormat({ accessLogEncoding }: MeshConfig): Format {
  if (accessLogEncoding === "JSON") return { case: "jsonFormat", value: handshakeFields };
  return { case: "textFormatSource", value: { specifier: { case: "inlineString", value: handshakeText } } };
}

function jsonFormat(custom: string): JsonObject {
  try {
    const parsed: unknown = custom === "" ? undefined : JSON.parse(custom);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed as JsonObject;
  } catch {
    // A format that isn't JSON is as good as none; the mesh configuration is checked where it is read.
  }
  return defaultJson;
}
