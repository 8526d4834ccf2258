import { formatLocality } from "#model/locality.ts";
import type { Endpoint } from "#model/service.ts";
import { networkLabel } from "#registry/endpoints.ts";
import { compareText } from "#snapshot/config-order.ts";
import type { Horizon, NetworkGateway } from "#snapshot/networks.ts";

/**
 * What a proxy calls to get to endpoints: themselves, or the gateways of other networks, each with its part of what it leads to.
 * Gateways find out where to by the name that mutual TLS asks for, so that endpoints without it can't be reached.
 * Istio: EndpointsByNetworkFilter.
 */
export function acrossNetworks(
  endpoints: readonly Endpoint[],
  { gateways: { byNetwork, scale }, network: own, visible }: Horizon,
  tlsMode: Endpoint["tlsMode"] | undefined,
): readonly Endpoint[] {
  if (byNetwork.size === 0) return endpoints.every(hasAddress) ? endpoints : endpoints.filter(hasAddress);
  const direct: Endpoint[] = [];
  const shares = new Map<string, Endpoint>();
  for (const endpoint of endpoints) {
    const { network, weight, locality } = endpoint;
    if (visible && !visible.has(network)) continue;
    const gateways = byNetwork.get(network) ?? [];
    if (network === "" || own === "" || network === own || gateways.length === 0) {
      if (hasAddress(endpoint)) direct.push(scale === 1 ? endpoint : { ...endpoint, weight: weight * scale });
      continue;
    }
    if ((tlsMode ?? endpoint.tlsMode) !== "istio") continue;
    for (const gateway of gateways) {
      const key = `${gateway.address} ${gateway.port} ${formatLocality(locality)}`;
      const share = (weight * scale) / gateways.length;
      const known = shares.get(key) ?? gatewayEndpoint(gateway, endpoint);
      shares.set(key, { ...known, weight: known.weight + share });
    }
  }
  const inOrder = [...shares.values()].sort((a, b) => compareText(a.address, b.address) || a.port - b.port);
  return [...direct, ...inOrder];
}

/** Whether it can be called itself. */
export function hasAddress({ address }: Endpoint): boolean {
  return address !== "";
}

/** Stands where the endpoints stand that it leads to. */
function gatewayEndpoint({ network, address, port }: NetworkGateway, { portName, locality }: Endpoint): Endpoint {
  const labels = { [networkLabel]: network };
  const nobody = { namespace: "", workload: "", serviceAccount: "", node: "", isChecked: false };
  return { address, port, portName, labels, locality, network, weight: 0, ...nobody, tlsMode: "istio" };
}
