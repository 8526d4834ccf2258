import type { Service } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";

/** One port of one Service, with the endpoints that traffic may go to now. */
export interface ServicePort {
  /** `default/reviews`. */
  readonly service: string;
  readonly protocol: Protocol;
  readonly port: number;
  /** Addresses that reach it on `port`: the ClusterIP, then LoadBalancer and external addresses. */
  readonly addresses: readonly string[];
  readonly nodePort?: number;
  /** Sorted; `10.176.0.2:9080`. */
  readonly endpoints: readonly Endpoint[];
  /** Seconds for which a client keeps its endpoint. */
  readonly affinity?: number;
}

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

type Protocol = "tcp" | "udp" | "sctp";

/** Kubernetes' default for `sessionAffinityConfig.clientIP.timeoutSeconds`. */
const defaultAffinitySeconds = 10_800;

/** What the node has to translate for a Service. Empty for headless and ExternalName ones. */
export function servicePorts(service: Service, slices: readonly EndpointSlice[]): readonly ServicePort[] {
  const { clusterIP, ports = [], type, externalIPs = [], sessionAffinity, sessionAffinityConfig } = service.spec ?? {};
  if (!isAddress(clusterIP) || type === "ExternalName") return [];
  const assigned = (service.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
  const addresses = [clusterIP, ...assigned, ...externalIPs].filter(isAddress);
  const key = `${service.metadata?.namespace}/${service.metadata?.name}`;
  return ports.map((port) => {
    const protocol = protocolOf(port.protocol);
    return {
      service: key,
      protocol,
      port: port.port,
      addresses: [...new Set(addresses)],
      ...(port.nodePort ? { nodePort: port.nodePort } : {}),
      endpoints: usableEndpoints(slices, port.name ?? "", protocol),
      ...(sessionAffinity === "ClientIP"
        ? { affinity: sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds }
        : {}),
    };
  });
}

/** The ready endpoints; when there are none, those that still serve while they terminate (Kubernetes: KEP-1669). */
function usableEndpoints(slices: readonly EndpointSlice[], portName: string, protocol: Protocol): readonly Endpoint[] {
  const ready = new Map<string, Endpoint>();
  const leaving = new Map<string, Endpoint>();
  for (const slice of slices) {
    if (slice.addressType !== "IPv4") continue;
    const number = slice.ports?.find(
      (port) => (port.name ?? "") === portName && protocolOf(port.protocol) === protocol,
    );
    if (!number?.port) continue;
    for (const { addresses, conditions } of slice.endpoints ?? []) {
      const group =
        conditions?.ready !== false ? ready : conditions.serving && conditions.terminating ? leaving : undefined;
      for (const ip of addresses) if (isAddress(ip)) group?.set(`${ip}:${number.port}`, { ip, port: number.port });
    }
  }
  const usable = ready.size > 0 ? ready : leaving;
  return [...usable].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, endpoint]) => endpoint);
}

function protocolOf(protocol: string | undefined): Protocol {
  return (protocol?.toLowerCase() ?? "tcp") as Protocol;
}

function isAddress(ip: string | undefined): ip is string {
  return ip !== undefined && /^\d+\.\d+\.\d+\.\d+$/.test(ip);
}
