import { BlockList, isIP } from "node:net";
import { ByKey } from "#model/by-key.ts";
import { memo } from "#model/memo.ts";
import { createPool } from "#model/pool.ts";
import type { Proxy } from "#model/proxy.ts";
import { networkLabel } from "#registry/endpoints.ts";
import { compareText } from "./config-order.ts";
import type { MeshInput } from "./input.ts";

/** The network that an address is in, where nothing else says it; empty if that isn't known. The same function while it says the same. */
export type NetworkNamer = (address: string) => string;

/** What leads into a network from others. */
export interface NetworkGateway {
  readonly network: string;
  readonly address: string;
  readonly port: number;
}

/** All of them. The same object while they are the same. */
export interface NetworkGateways {
  /** Those of each network, in the order of their addresses. */
  readonly byNetwork: ReadonlyMap<string, readonly NetworkGateway[]>;
  /** Weights are this much larger, so that they can be shared by the gateways of any network. */
  readonly scale: number;
}

/** How far a proxy sees. The same object for all proxies that see as far. */
export interface Horizon {
  readonly gateways: NetworkGateways;
  /** Its own network; empty if it isn't known: then it reaches all of them. */
  readonly network: string;
  /** Networks whose endpoints it asks for; undefined for all. */
  readonly visible: ReadonlySet<string> | undefined;
}

const gatewayPortLabel = "networking.istio.io/gatewayPort";
/** Istio: DefaultNetworkGatewayPort. */
const defaultGatewayPort = 15443;

interface Ranges {
  readonly network: string;
  readonly cidrs: readonly string[];
}

const namers = createPool<NetworkNamer>();

/** Istio: networkManager.Network. What the root namespace says is for all of the cluster. */
export function networkNamer({ namespaces, meshConfig, clusterId }: MeshInput): NetworkNamer {
  const { networks, rootNamespace } = meshConfig;
  const whole =
    namespaces.get(rootNamespace)?.metadata?.labels?.[networkLabel] ||
    networks.find(({ clusters }) => clusters.includes(clusterId))?.name ||
    "";
  const ranges: readonly Ranges[] = whole ? [] : networks.map(({ name, cidrs }) => ({ network: name, cidrs }));
  return namers.get(JSON.stringify([whole, ranges]), () => (whole ? () => whole : byRange(ranges)));
}

/** The narrowest range counts. */
function byRange(ranges: readonly Ranges[]): NetworkNamer {
  const lists = ranges
    .flatMap(({ network, cidrs }) => cidrs.map((cidr) => ({ network, ...parseRange(cidr) })))
    .sort((a, b) => b.length - a.length)
    .map(({ network, start, length, family }) => {
      const range = new BlockList();
      range.addSubnet(start, length, family);
      return { network, range };
    });
  if (lists.length === 0) return () => "";
  return (address) => {
    const version = isIP(address);
    if (version === 0) return "";
    return lists.find(({ range }) => range.check(address, familyOf(version)))?.network ?? "";
  };
}

function parseRange(cidr: string) {
  const [start = "", length] = cidr.split("/");
  const version = isIP(start);
  return {
    start,
    length: length === undefined ? (version === 6 ? 128 : 32) : Number(length),
    family: familyOf(version),
  };
}

function familyOf(version: number): "ipv4" | "ipv6" {
  return version === 6 ? "ipv6" : "ipv4";
}

const pool = createPool<NetworkGateways>();

/** Istio: NetworkManager. Services of the own cluster come before what the install says of the same network. */
export function networkGateways(input: MeshInput): NetworkGateways {
  const own = serviceGateways(input);
  const told = input.meshConfig.networks.flatMap(({ name, gateways }) =>
    gateways.flatMap(({ address = "", port }) => (isIP(address) === 0 ? [] : [{ network: name, address, port }])),
  );
  const ownNetworks = new Set(own.map(({ network }) => network));
  const used = [...own, ...told.filter(({ network }) => !ownNetworks.has(network))]
    .sort((a, b) => compareText(a.network, b.network) || compareText(a.address, b.address) || a.port - b.port)
    .filter((gateway, index, all) => JSON.stringify(gateway) !== JSON.stringify(all[index - 1]));
  return pool.get(JSON.stringify(used), () => {
    const byNetwork = Map.groupBy(used, ({ network }) => network);
    const scale = [...byNetwork.values()].reduce((multiple, { length }) => leastCommonMultiple(multiple, length), 1);
    return Object.freeze({ byNetwork, scale });
  });
}

/** Services that lead into a network, by their label or by what the install says: at the addresses that they have outside. */
function serviceGateways({ services, meshConfig, clusterDomain, clusterId }: MeshInput): readonly NetworkGateway[] {
  const told = new Map<string, readonly Pick<NetworkGateway, "network" | "port">[]>();
  for (const { name: network, clusters, gateways } of meshConfig.networks) {
    if (!clusters.includes(clusterId)) continue;
    for (const { service, port } of gateways) {
      if (service !== undefined) told.set(service, [...(told.get(service) ?? []), { network, port }]);
    }
  }
  return [...services.values()].flatMap(({ metadata = {}, spec, status }) => {
    const network = metadata.labels?.[networkLabel];
    const leads = network
      ? [{ network, port: Number(metadata.labels?.[gatewayPortLabel]) || defaultGatewayPort }]
      : (told.get(`${metadata.name}.${metadata.namespace}.svc.${clusterDomain}`) ?? []);
    if (leads.length === 0) return [];
    const addresses = [...(status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip), ...(spec?.externalIPs ?? [])];
    return leads.flatMap((lead) => addresses.flatMap((address) => (address ? [{ ...lead, address }] : [])));
  });
}

function leastCommonMultiple(a: number, b: number): number {
  const divisor = (x: number, y: number): number => (y === 0 ? x : divisor(y, x % y));
  return (a * b) / divisor(a, b);
}

const horizons = memo((_gateways: NetworkGateways) => new ByKey<Horizon>());

/** Without gateways there is one network only. */
export function horizonOf(gateways: NetworkGateways, { network, metadata }: Proxy): Horizon {
  if (gateways.byNetwork.size === 0)
    return horizons(gateways).get("", () => ({ gateways, network: "", visible: undefined }));
  const asked = metadata["REQUESTED_NETWORK_VIEW"];
  const names = typeof asked === "string" && asked !== "" ? asked.split(",") : undefined;
  return horizons(gateways).get(JSON.stringify([network, names]), () =>
    // Endpoints that are in no network are for everybody.
    Object.freeze({ gateways, network, visible: names && new Set(["", ...names]) }),
  );
}
