/** What a port speaks. `Unsupported` is sniffed at run time. Istio: pkg/config/protocol. */
export type Protocol =
  | "GRPC"
  | "GRPC-Web"
  | "HTTP"
  | "HTTP_PROXY"
  | "HTTP2"
  | "HTTPS"
  | "TCP"
  | "TLS"
  | "UDP"
  | "Mongo"
  | "Redis"
  | "MySQL"
  | "Unsupported";

const byName: Readonly<Record<string, Protocol>> = {
  grpc: "GRPC",
  "grpc-web": "GRPC-Web",
  http: "HTTP",
  http_proxy: "HTTP_PROXY",
  http2: "HTTP2",
  https: "HTTPS",
  tcp: "TCP",
  tls: "TLS",
  udp: "UDP",
  mongo: "Mongo",
  redis: "Redis",
  mysql: "MySQL",
};

/** The protocol called `name`, whatever its case; `Unsupported` for other names. */
export function parseProtocol(name: string): Protocol {
  return byName[name.toLowerCase()] ?? "Unsupported";
}

// https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol
const kubernetesProtocols: Readonly<Record<string, Protocol>> = {
  "kubernetes.io/h2c": "HTTP2",
  "kubernetes.io/ws": "HTTP",
  "kubernetes.io/wss": "HTTPS",
};

// Ports whose protocol lets the server speak first, where sniffing would wait for nothing. Istio: pkg/config/kube.
const wellKnownTcpPorts: ReadonlySet<number> = new Set([25, 53, 3306, 27017]);

/** The protocol of a Service port: `appProtocol`, else the name up to its first dash, else the port's habit, else sniffed. */
export function portProtocol(port: {
  readonly port: number;
  readonly name?: string | undefined;
  readonly protocol?: string | undefined;
  readonly appProtocol?: string | undefined;
}): Protocol {
  if (port.protocol === "UDP") return "UDP";
  if (port.appProtocol) {
    return kubernetesProtocols[port.appProtocol] ?? byNamePrefix(port.appProtocol);
  }
  const name = port.name ?? "";
  const named = byNamePrefix(name);
  if (named !== "Unsupported") return named;
  return wellKnownTcpPorts.has(port.port) ? "TCP" : "Unsupported";
}

function byNamePrefix(name: string): Protocol {
  const lower = name.toLowerCase();
  if (lower === "grpc-web" || lower.startsWith("grpc-web-")) return "GRPC-Web";
  return parseProtocol(lower.split("-", 1)[0] ?? "");
}

/** Whether requests are routed one by one. */
export function isHttp(protocol: Protocol): boolean {
  return (
    protocol === "HTTP" ||
    protocol === "HTTP2" ||
    protocol === "GRPC" ||
    protocol === "GRPC-Web" ||
    protocol === "HTTP_PROXY"
  );
}

/** Whether an upstream connection starts with HTTP/2. */
export function isHttp2(protocol: Protocol): boolean {
  return protocol === "HTTP2" || protocol === "GRPC" || protocol === "GRPC-Web";
}

/** Whether connections are routed by SNI. */
export function isTls(protocol: Protocol): boolean {
  return protocol === "HTTPS" || protocol === "TLS";
}

/** Whether the listener has to look at the first bytes. */
export function isSniffed(protocol: Protocol): boolean {
  return protocol === "Unsupported";
}
