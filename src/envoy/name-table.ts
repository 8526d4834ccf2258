import { isIP } from "node:net";
import { memo } from "#model/memo.ts";
import { type Endpoint, endpointsKey, type Service } from "#model/service.ts";
import type { Horizon } from "#snapshot/networks.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Destinations } from "#snapshot/scope.ts";
import { WireWriter } from "#xds/protobuf-wire.ts";
import type { Resource } from "#xds/resource.ts";
import { type ResourceSet, sharedList, sharedSet } from "#xds/resource-set.ts";
import { encodedResource } from "./proto.ts";

/** What the agent answers DNS queries for a host with. Istio: NameTable.NameInfo. */
interface NameInfo {
  readonly ips: readonly string[];
  readonly registry: Service["registry"];
  readonly shortname: string;
  readonly namespace: string;
}

/** The names that a proxy's agent resolves for its workload, as one resource. Istio: BuildNameTable. */
export function nameTable(view: ProxyView): ResourceSet {
  return ofScope(view.scope.destinations, view.endpoints, view.horizon);
}

const ofScope = memo((seen: Destinations, endpoints: ProxyView["endpoints"], horizon: Horizon) =>
  sharedSet(sharedList([encode(names(seen, endpoints, horizon))])),
);

function names(
  { services }: Destinations,
  endpoints: ProxyView["endpoints"],
  { network: ownNetwork }: Horizon,
): ReadonlyMap<string, NameInfo> {
  const table = new Map<string, NameInfo>();
  for (const service of services) {
    const { hostname, registry, namespace, name, addresses } = service;
    const own = registry === "Kubernetes" ? { shortname: name, namespace } : { shortname: "", namespace: "" };
    const virtual = addresses.filter((address) => isIP(address) !== 0);
    if (addresses.length > 0) {
      if (virtual.length > 0) table.set(hostname, { ips: virtual, registry, ...own });
      continue;
    }
    if (service.resolution !== "Passthrough") continue;
    const all = firstPort(service, endpoints.get(endpointsKey(service)) ?? []);
    const pods = all.filter(({ network }) => ownNetwork === "" || network === "" || network === ownNetwork);
    if (pods.length === 0) continue;
    table.set(hostname, { ips: pods.map(({ address }) => address), registry, ...own });
    for (const pod of pods) {
      if (pod.hostname === undefined) continue;
      const shortname = `${pod.hostname}.${name}`;
      table.set(`${pod.hostname}.${hostname}`, { ips: [pod.address], registry, shortname, namespace });
    }
  }
  return table;
}

/** Each pod once. */
function firstPort({ ports }: Service, endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const name = ports[0]?.name;
  return endpoints.filter(({ portName, address }) => portName === name && isIP(address) !== 0);
}

/** The same table always gives the same bytes. */
function encode(table: ReadonlyMap<string, NameInfo>): Resource {
  const message = new WireWriter();
  for (const [host, { ips, registry, shortname, namespace }] of [...table].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const info = new WireWriter();
    for (const ip of ips) info.string(1, ip);
    info.string(2, registry).string(3, shortname).string(4, namespace);
    message.message(1, new WireWriter().string(1, host).message(2, info));
  }
  return encodedResource("names", { typeName: "istio.networking.nds.v1.NameTable" }, message.pieces());
}
