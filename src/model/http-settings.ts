import { parseDuration } from "./duration.ts";

/** What proxies do with headers of their own. Istio: ProxyConfig.proxyHeaders. */
interface HeaderSettings {
  /** `x-envoy-attempt-count` to the called workload. */
  readonly attemptCount: boolean;
  /** `x-envoy-…` about the call, for people to look at. */
  readonly debugHeaders: boolean;
  /** `x-request-id` where there is none. */
  readonly requestId: boolean;
  /** What answers say in `server`: undefined for the default, false to leave it as it comes. */
  readonly server: string | false | undefined;
  /** HTTP/1 header names keep their capitals. */
  readonly preserveCase: boolean;
  readonly forwardedHost: boolean;
  readonly forwardedPort: boolean;
  readonly clientCertificate: ClientCertificateSettings;
}

const forwarding = ["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"] as const;

/** What a workload hears of its clients' certificates (`x-forwarded-client-cert`). */
export interface ClientCertificateSettings {
  /** What happens to what a request brings along. */
  readonly forward: (typeof forwarding)[number];
  /** Parts of the client's own certificate that are told. */
  readonly subject: boolean;
  readonly uri: boolean;
  readonly dns: boolean;
  readonly cert: boolean;
  readonly chain: boolean;
}

const underscores = ["ALLOW", "REJECT_REQUEST", "DROP_HEADER"] as const;
const escapedSlashes = ["KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD"] as const;

/** How connections and requests from clients are bounded; Envoy's default where nothing is said. Istio: ProxyConfig.connectionSettings. */
export interface ConnectionSettings {
  readonly profile?: "EDGE";
  readonly listenerBufferBytes?: number;
  readonly clusterBufferBytes?: number;
  readonly idleTimeoutMs?: number;
  readonly maxConnectionDurationMs?: number;
  readonly maxStreamDurationMs?: number;
  readonly streamIdleTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly requestHeadersTimeoutMs?: number;
  readonly drainTimeoutMs?: number;
  readonly maxConcurrentStreams?: number;
  readonly streamWindowBytes?: number;
  readonly connectionWindowBytes?: number;
  readonly underscores?: (typeof underscores)[number];
  readonly mergeSlashes?: boolean;
  readonly escapedSlashes?: (typeof escapedSlashes)[number];
}

/** What a ProxyConfig says of HTTP; parts that it says nothing of are absent. */
export interface HttpSettings {
  readonly headers?: HeaderSettings;
  readonly connections?: ConnectionSettings;
}

/** What Envoy recommends at the edge. Istio: applyEdgeProfileDefaults. */
const edge: ConnectionSettings = {
  listenerBufferBytes: 32_768,
  clusterBufferBytes: 32_768,
  idleTimeoutMs: 3_600_000,
  streamIdleTimeoutMs: 300_000,
  requestTimeoutMs: 300_000,
  requestHeadersTimeoutMs: 60_000,
  maxConcurrentStreams: 100,
  streamWindowBytes: 65_536,
  connectionWindowBytes: 1_048_576,
  underscores: "REJECT_REQUEST",
  mergeSlashes: true,
  escapedSlashes: "UNESCAPE_AND_REDIRECT",
};

/** The settings with what their profile adds, which is for gateways only. */
export function withProfile(settings: ConnectionSettings, type: "sidecar" | "router"): ConnectionSettings {
  return settings.profile === "EDGE" && type === "router" ? { ...edge, ...settings } : settings;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** Reads them from a ProxyConfig in its JSON form. Fields that aren't as they should be count as absent: proxies send it. */
export function readHttpSettings(proxyConfig: unknown): HttpSettings {
  const { proxyHeaders, connectionSettings } = fieldsOf(proxyConfig);
  return {
    ...(proxyHeaders === undefined || proxyHeaders === null ? {} : { headers: readHeaders(fieldsOf(proxyHeaders)) }),
    ...(connectionSettings === undefined || connectionSettings === null
      ? {}
      : { connections: readConnections(fieldsOf(connectionSettings)) }),
  };
}

function readHeaders(given: Fields): HeaderSettings {
  const isOn = (name: string): boolean => fieldsOf(given[name])["disabled"] !== true;
  const isEnabled = (name: string): boolean => fieldsOf(given[name])["enabled"] === true;
  const { value } = fieldsOf(given["server"]);
  return {
    attemptCount: isOn("attemptCount"),
    debugHeaders: isOn("envoyDebugHeaders"),
    requestId: isOn("requestId"),
    server: isOn("server") ? (typeof value === "string" && value !== "" ? value : undefined) : false,
    preserveCase: given["preserveHttp1HeaderCase"] === true,
    forwardedHost: isEnabled("xForwardedHost"),
    forwardedPort: isEnabled("xForwardedPort"),
    clientCertificate: readClientCertificate(given),
  };
}

/** Istio: buildSidecarInboundHTTPOpts. */
function readClientCertificate(given: Fields): ClientCertificateSettings {
  const told = fieldsOf(given["setCurrentClientCertDetails"]);
  const is = (name: string, fallback: boolean): boolean => {
    const value = told[name];
    return typeof value === "boolean" ? value : fallback;
  };
  return {
    forward: forwarding.find((name) => name === given["forwardedClientCert"]) ?? "APPEND_FORWARD",
    subject: is("subject", true),
    uri: is("uri", true),
    dns: is("dns", true),
    cert: is("cert", false),
    chain: is("chain", false),
  };
}

/** Where nothing is said. */
export const defaultClientCertificate: ClientCertificateSettings = Object.freeze(readClientCertificate({}));

/** Field of Istio, and of ours, in bytes or as a count. */
const numbers = [
  ["listenerPerConnectionBufferLimitBytes", "listenerBufferBytes"],
  ["clusterPerConnectionBufferLimitBytes", "clusterBufferBytes"],
  ["httpMaxConcurrentStreams", "maxConcurrentStreams"],
  ["http2InitialStreamWindowSize", "streamWindowBytes"],
  ["http2InitialConnectionWindowSize", "connectionWindowBytes"],
] as const;

const durations = [
  ["httpIdleTimeout", "idleTimeoutMs"],
  ["httpMaxConnectionDuration", "maxConnectionDurationMs"],
  ["httpMaxStreamDuration", "maxStreamDurationMs"],
  ["httpStreamIdleTimeout", "streamIdleTimeoutMs"],
  ["httpRequestTimeout", "requestTimeoutMs"],
  ["httpRequestHeadersTimeout", "requestHeadersTimeoutMs"],
  ["httpDrainTimeout", "drainTimeoutMs"],
] as const;

function readConnections(given: Fields): ConnectionSettings {
  const result: Record<string, number> = {};
  for (const [name, own] of numbers) {
    const value = given[name];
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 31) result[own] = value;
  }
  for (const [name, own] of durations) {
    const value = given[name];
    const milliseconds = typeof value === "string" ? parseDuration(value) : undefined;
    if (milliseconds !== undefined && milliseconds >= 0) result[own] = milliseconds;
  }
  const underscore = String(given["httpHeadersWithUnderscoresAction"]).replace(/^HEADERS_WITH_UNDERSCORES_/, "");
  const action = underscores.find((name) => name === underscore);
  const slashes = escapedSlashes.find((name) => name === given["httpPathWithEscapedSlashesAction"]);
  const { profile, httpMergeSlashes: merge } = given;
  return {
    ...result,
    ...(profile === "EDGE" ? { profile } : {}),
    ...(action ? { underscores: action } : {}),
    ...(typeof merge === "boolean" ? { mergeSlashes: merge } : {}),
    ...(slashes ? { escapedSlashes: slashes } : {}),
  };
}
