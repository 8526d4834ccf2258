/** A connection or request that a simulated client makes. */
export interface Call {
  readonly port: number;
  readonly address?: string;
  readonly protocol: "http" | "http2" | "tcp";
  /** `mtls` is a client with the mesh's certificate. */
  readonly tls?: "plaintext" | "tls" | "mtls";
  readonly alpn?: string;
  readonly sni?: string;
  readonly hostHeader?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly path?: string;
  /** Which way the connection was captured; `gateway` for none. */
  readonly callMode?: "gateway" | "outbound" | "inbound";
}

export type Failure =
  | "ErrNoListener"
  | "ErrNoFilterChain"
  | "ErrMultipleFilterChain"
  | "ErrNoRoute"
  | "ErrNoVirtualHost"
  | "ErrTLSRedirect"
  | "ErrTLSError"
  | "ErrMTLSError"
  | "ErrProtocolError";

/** What took the call, as far as it came. */
export interface Result {
  readonly error?: Failure;
  readonly listenerMatched?: string;
  readonly filterChainMatched?: string;
  readonly routeConfigMatched?: string;
  readonly virtualHostMatched?: string;
  readonly routeMatched?: string;
  readonly clusterMatched?: string;
}

/** A call with everything that a real client would say of itself. */
export interface Client extends Call {
  readonly address: string;
  readonly tls: "plaintext" | "tls" | "mtls";
  readonly host: string;
  readonly path: string;
  readonly alpns: readonly string[];
  readonly callMode: "gateway" | "outbound" | "inbound";
}

/** Protocols that Istio's sidecars offer in a handshake. */
const meshProtocols: Readonly<Record<Call["protocol"], readonly string[]>> = {
  http: ["istio-http/1.1", "istio"],
  http2: ["istio-h2", "istio"],
  tcp: ["istio"],
};

/** Fills in what `call` leaves out. */
export function clientOf(call: Call, callMode: Client["callMode"]): Client {
  const tls = call.tls ?? "plaintext";
  const host = call.hostHeader ?? hostIn(call.headers) ?? "";
  return {
    ...call,
    address: call.address ?? "1.3.3.7",
    tls,
    host,
    path: call.path ?? "/",
    ...(call.sni === undefined && tls !== "plaintext" && host !== "" ? { sni: host } : {}),
    alpns: call.alpn === undefined ? (tls === "mtls" ? meshProtocols[call.protocol] : []) : [call.alpn],
    callMode: call.callMode ?? callMode,
  };
}

function hostIn(headers: Call["headers"]): string | undefined {
  const value = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === "host")?.[1];
  return typeof value === "string" ? value : value?.[0];
}
