import type { Gateway, Server } from "#api/istio/gateway.ts";
import { isHttp, type Protocol, parseProtocol } from "#model/protocol.ts";
import { gatewayServiceAnnotation } from "#model/route-semantics.ts";
import type { ServiceTarget } from "#snapshot/targets.ts";
import { serverNames } from "../listeners/server-names.ts";

/** One `servers` entry of a Gateway on one port that the proxy opens. */
export interface GatewayServer {
  readonly server: Server;
  /** `namespace/name` of the Gateway. */
  readonly gateway: string;
  /** The number in the Gateway: what clients and VirtualServices know. */
  readonly number: number;
  readonly protocol: Protocol;
  /** `host`, `namespace/host`; `*` stands alone for every host. */
  readonly hosts: readonly string[];
  /** Route table; `undefined` for servers that don't look into requests. */
  readonly routeName: string | undefined;
}

/** The servers that share an address and a port of the proxy. */
export interface GatewayPort {
  readonly bind: string;
  readonly port: number;
  readonly http: boolean;
  readonly servers: readonly GatewayServer[];
}

/**
 * Merges the servers of all Gateways of a proxy (oldest first) by the port they are served on. A server that doesn't go with
 * those before it on its port (plain next to TLS, TCP next to HTTP, the same TLS host twice) is left out. Istio: mergeGateways.
 */
export function mergeGateways(gateways: readonly Gateway[], targets: readonly ServiceTarget[]): readonly GatewayPort[] {
  const ports = new Map<string, { bind: string; port: number; http: boolean; servers: GatewayServer[] }>();
  const tlsHosts = new Set<string>();
  for (const gateway of gateways) {
    for (const server of gateway.spec.servers ?? []) {
      const number = server.port?.number ?? 0;
      const bind = server.bind || "0.0.0.0";
      for (const port of boundPorts(gateway, number, targets)) {
        const entry = gatewayServer(gateway, server, number, port);
        const key = `${bind}_${port}`;
        const others = ports.get(key);
        const plainHttp = isHttp(entry.protocol);
        if (others !== undefined && !compatible(entry, others.servers)) continue;
        const opens = server.tls !== undefined && !plainHttp && !passesThrough(server);
        const names = serverNames(entry.hosts) ?? ["*"];
        if (
          opens &&
          !claim(
            tlsHosts,
            names.map((name) => `${key}/${name}`),
          )
        ) {
          continue;
        }
        if (others === undefined) ports.set(key, { bind, port, http: plainHttp, servers: [entry] });
        else others.servers.push(entry);
      }
    }
  }
  return [...ports.values()];
}

const noTranslation = "experimental.istio.io/disable-gateway-port-translation";

/**
 * A Gateway names the ports of the gateway's Service; the proxy listens on what these map to. One that names its services has
 * only their ports.
 */
function boundPorts(gateway: Gateway, number: number, targets: readonly ServiceTarget[]): readonly number[] {
  const services = gateway.metadata.annotations?.[gatewayServiceAnnotation]?.split(",");
  const mapped = targets
    .filter(({ port, service }) => port.port === number && service.labels[noTranslation] !== "true")
    .filter(({ service }) => services === undefined || services.includes(service.hostname))
    .map(({ targetPort }) => targetPort);
  return mapped.length > 0 || services !== undefined ? [...new Set(mapped)] : [number];
}

function gatewayServer(gateway: Gateway, server: Server, number: number, port: number): GatewayServer {
  const { name = "", namespace = "" } = gateway.metadata;
  const protocol = parseProtocol(server.port?.protocol ?? "");
  const routeName = isHttp(protocol)
    ? `http.${port}`
    : terminatesHttps(server, protocol)
      ? `https.${number}.${server.port?.name ?? ""}.${name}.${namespace}`
      : undefined;
  return {
    server,
    gateway: `${namespace}/${name}`,
    number,
    protocol,
    hosts: normalHosts(server.hosts ?? [], namespace),
    routeName,
  };
}

function terminatesHttps(server: Server, protocol: Protocol): boolean {
  return protocol === "HTTPS" && server.tls !== undefined && !passesThrough(server);
}

/** Whether TLS goes to the workload unopened. */
export function passesThrough({ tls }: Server): boolean {
  return tls?.mode === "PASSTHROUGH" || tls?.mode === "AUTO_PASSTHROUGH";
}

function normalHosts(hosts: readonly string[], namespace: string): readonly string[] {
  if (hosts.includes("*/*")) return ["*"];
  return hosts.map((host) => {
    if (host.startsWith("./")) return `${namespace}/${host.slice(2)}`;
    return host.startsWith("*/") ? host.slice(2) : host;
  });
}

/** Plain HTTP shares a port with plain HTTP, TLS with TLS; nothing else is shared. */
function compatible(entry: GatewayServer, others: readonly GatewayServer[]): boolean {
  const [first] = others;
  if (first === undefined) return true;
  const plain = (server: GatewayServer): boolean => server.server.tls === undefined || isHttp(server.protocol);
  if (plain(first) !== plain(entry)) return false;
  if (plain(first)) return isHttp(entry.protocol) && entry.protocol === first.protocol;
  return entry.routeName === undefined || others.every(({ routeName }) => routeName !== entry.routeName);
}

function claim(taken: Set<string>, names: readonly string[]): boolean {
  if (names.some((name) => taken.has(name))) return false;
  for (const name of names) taken.add(name);
  return true;
}

/** The hosts of a server that resources of `namespace` may use. */
export function hostsForNamespace(hosts: readonly string[], namespace: string): readonly string[] {
  return hosts.flatMap((host) => {
    const slash = host.indexOf("/");
    if (slash < 0) return [host];
    const owner = host.slice(0, slash);
    return owner === "*" || owner === namespace ? [host.slice(slash + 1)] : [];
  });
}
