import { isIP } from "node:net";
import type { MeshConfig } from "#model/mesh-config.ts";
import { isHttp, isSniffed, type Protocol, parseProtocol } from "#model/protocol.ts";
import type { Service, ServicePort } from "#model/service.ts";
import type { Egress } from "#snapshot/egress.ts";
import type { RoutingRule } from "#snapshot/virtual-services.ts";
import { anyAddress } from "./listener.ts";
import { meshL4Rules, rulesForService } from "./tcp-routes.ts";

/** How connections to a listener are looked at. */
type Manner = "http" | "tcp" | "sniffed";

/** A service's part in a listener. */
export interface PlannedService {
  readonly service: Service;
  /** The service's port, or that of a Sidecar's egress listener. */
  readonly port: ServicePort;
  readonly manner: Manner;
  /** Addresses that are meant for it, where it shares the listener with others. */
  readonly range: string | undefined;
  /** Rules that may say where its connections go. */
  readonly rules: readonly RoutingRule[];
}

/** An outbound listener that is wanted. */
export interface OutboundPlan {
  readonly ip: string;
  readonly port: number;
  /** Opens its port, instead of being given captured connections. */
  readonly opensPort: boolean;
  readonly parts: readonly PlannedService[];
  /** Whether requests are routed one by one, and whether anything else is let through beside them. */
  readonly http: PlannedService | undefined;
  /** Whether some of the requests go to hosts that have to be looked up for each. */
  readonly dynamic: boolean;
  readonly manner: Manner;
}

interface Draft {
  readonly ip: string;
  readonly port: number;
  readonly opensPort: boolean;
  readonly parts: PlannedService[];
  http: PlannedService | undefined;
  dynamic: boolean;
  manner: Manner;
  /** Taken by an egress listener with a port of its own: the one for all other ports adds nothing. */
  locked: boolean;
}

/** Services whose connections are told apart by the pods' own addresses, port by port. */
export interface HeadlessPort {
  readonly service: Service;
  readonly port: ServicePort;
  readonly rules: readonly RoutingRule[];
}

export interface OutboundPlans {
  readonly listeners: readonly OutboundPlan[];
  readonly headless: readonly HeadlessPort[];
}

/**
 * A listener for every address and port that services have. HTTP of all services on a port shares one and is told apart by host;
 * TLS without an address of its own by SNI, ranges by address; everything else has an address of its own, or the first has it.
 * Where HTTP and other traffic meet on a port, the first bytes decide. Istio: buildSidecarOutboundListeners.
 */
export function planOutbound(
  egress: readonly Egress[],
  mesh: MeshConfig,
  interceptionMode: "REDIRECT" | "TPROXY" | "NONE",
): OutboundPlans {
  const drafts = new Map<string, Draft>();
  const headless: HeadlessPort[] = [];
  for (const { listener, services, rules } of egress) {
    const captureMode = listener?.captureMode ?? "DEFAULT";
    const opensPort = captureMode === "NONE" || (captureMode === "DEFAULT" && interceptionMode === "NONE");
    const bind = listener?.bind || (opensPort ? "127.0.0.1" : "");
    const l4Rules = meshL4Rules(rules);
    const add = (service: Service, port: ServicePort): void => {
      const own = l4Rules.length > 0 ? rulesForService(l4Rules, service) : l4Rules;
      if (bind === "" && isHeadless(service, port.protocol)) {
        headless.push({ service, port, rules: own });
        return;
      }
      for (const place of places(service, port.protocol, bind)) {
        if (isReserved(place.ip, port.port, mesh)) continue;
        addTo(drafts, { ...place, service, port, rules: own, opensPort });
      }
    };
    const given = listener?.port;
    if (given === undefined) {
      for (const draft of drafts.values()) draft.locked = true;
      for (const service of services) for (const port of service.ports) add(service, port);
      continue;
    }
    const number = given.number ?? 0;
    const port = {
      name: given.name ?? "",
      port: number,
      protocol: parseProtocol(given.protocol ?? ""),
      targetPort: number,
    };
    for (const service of services) add(service, port);
  }
  return { listeners: [...drafts.values()], headless };
}

function isHeadless({ resolution, addresses, registry, selector, ownEndpoints }: Service, protocol: Protocol): boolean {
  if (resolution !== "Passthrough" || addresses.length > 0 || isHttp(protocol)) return false;
  // A ServiceEntry that only names a host has no endpoints to tell it by: every address on the port is meant.
  return registry === "Kubernetes" || ownEndpoints.length > 0 || Object.keys(selector).length > 0;
}

/** Where a service is listened for. */
function places(
  service: Service,
  protocol: Protocol,
  bind: string,
): readonly { readonly ip: string; readonly range: string | undefined }[] {
  if (bind !== "") return [{ ip: bind, range: undefined }];
  // The name of something outside: clients resolve it themselves, and what they call passes through.
  if (service.externalName !== undefined && !isHttp(protocol)) return [];
  if (isHttp(protocol) || service.addresses.length === 0) return [{ ip: anyAddress, range: undefined }];
  return service.addresses.map((address) =>
    isIP(address) !== 0 ? { ip: address, range: undefined } : { ip: anyAddress, range: address },
  );
}

type Addition = Omit<PlannedService, "manner"> & Pick<Draft, "ip" | "opensPort">;

/** Istio: buildSidecarOutboundListener, with what it does about conflicts. */
function addTo(drafts: Map<string, Draft>, { ip, opensPort, ...rest }: Addition): void {
  const { protocol, port } = rest.port;
  if (protocol === "UDP") return;
  const manner: Manner = isHttp(protocol) ? "http" : isSniffed(protocol) ? "sniffed" : "tcp";
  const part: PlannedService = { ...rest, manner };
  const key = `${ip}_${port}`;
  const draft = drafts.get(key);
  if (draft === undefined) {
    drafts.set(key, start(ip, opensPort, part));
    return;
  }
  if (manner === "http" && !draft.locked) draft.dynamic ||= rest.service.resolution === "DynamicDNS";
  // The first that routes requests routes those of all others too.
  if (
    draft.locked ||
    (manner !== "tcp" && draft.manner === "sniffed") ||
    (manner === "http" && draft.manner === "http")
  ) {
    return;
  }
  if (isServerFirst(protocol) || draft.parts.some((other) => isServerFirst(other.port.protocol))) {
    if (manner !== draft.manner) return;
  }
  if (manner === "sniffed" && draft.manner === "http") {
    drafts.set(key, start(ip, opensPort, part));
    return;
  }
  if (manner !== "http") draft.parts.push(part);
  if (manner !== "tcp") draft.http ??= part;
  if (manner !== draft.manner) draft.manner = "sniffed";
}

function start(ip: string, opensPort: boolean, part: PlannedService): Draft {
  // On every address there may be calls of others on the port, too.
  const manner: Manner = part.manner === "http" && ip === anyAddress ? "sniffed" : part.manner;
  return {
    ip,
    port: part.port.port,
    opensPort,
    parts: part.manner === "http" ? [] : [part],
    http: part.manner === "tcp" ? undefined : part,
    dynamic: part.manner === "http" && part.service.resolution === "DynamicDNS",
    manner,
    locked: false,
  };
}

/** The client waits for the server, so that there are no first bytes to look at. */
function isServerFirst(protocol: Protocol): boolean {
  return protocol === "MySQL" || protocol === "Mongo";
}

/** Ports that the proxy or its agent opens on every address. */
function isReserved(ip: string, port: number, mesh: MeshConfig): boolean {
  if (ip !== anyAddress) return false;
  return [mesh.proxyListenPort, mesh.proxyInboundListenPort, 15008, 15020, 15021, 15053, 15090].includes(port);
}
