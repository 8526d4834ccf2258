import type { FilterChain } from "#api/envoy/gen/envoy/config/listener/v3/listener_components_pb.js";
import type { Listener } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import type { Patch } from "#snapshot/envoy-filters.ts";

/** The two listeners that hold other ports' chains: there a port means a chain's. */
function isVirtual({ name }: Listener): boolean {
  return name === "virtualInbound" || name === "virtualOutbound";
}

/** Istio: listenerMatch. */
export function matchesListener(listener: Listener, { applyTo, match }: Patch): boolean {
  const wanted = match.listener;
  if (wanted === undefined) return true;
  if (wanted.name && wanted.name !== listener.name) return false;
  if (!wanted.portNumber || (applyTo !== "LISTENER" && isVirtual(listener))) return true;
  const address = listener.address?.address;
  if (address?.case !== "socketAddress") return false;
  const { portSpecifier } = address.value;
  return portSpecifier.case === "portValue" && portSpecifier.value === wanted.portNumber;
}

/** Of a listener that matches already. Istio: filterChainMatch. */
export function matchesChain(listener: Listener, chain: FilterChain, { match }: Patch): boolean {
  const { portNumber, filterChain: wanted } = match.listener ?? {};
  const found = chain.filterChainMatch;
  if (portNumber && isVirtual(listener) && found?.destinationPort !== portNumber) return false;
  if (wanted === undefined) return true;
  if (wanted.name && wanted.name !== chain.name) return false;
  if (wanted.sni && !found?.serverNames.includes(wanted.sni)) return false;
  if (wanted.transportProtocol && found?.transportProtocol !== wanted.transportProtocol) return false;
  const protocols = wanted.applicationProtocols ? wanted.applicationProtocols.split(",") : [];
  if (!protocols.every((protocol) => found?.applicationProtocols.includes(protocol))) return false;
  return !wanted.destinationPort || found?.destinationPort === wanted.destinationPort;
}

/** The name of the network filter that a patch is for or relative to. */
export function filterName({ match }: Patch): string | undefined {
  return match.listener?.filterChain?.filter?.name;
}

/** The same of the HTTP filter. */
export function subFilterName({ match }: Patch): string | undefined {
  return match.listener?.filterChain?.filter?.subFilter?.name;
}
