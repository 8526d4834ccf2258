import { allClusters, type ClusterRanges } from "./ranges.ts";
import type { Endpoint, ServicePort } from "./service-ports.ts";

/** What changes with Services, as nftables has it: names → text. Values with the same text are the same. */
export interface ServiceTable {
  /** Clients that stay with one endpoint: set name → timeout in seconds (part of the name, as it can't be changed). */
  readonly affinitySets: ReadonlyMap<string, number>;
  /** Chain name → its rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** `address . protocol . port` → chain. */
  readonly services: ReadonlyMap<string, string>;
  /** `protocol . port` → chain. */
  readonly nodePorts: ReadonlyMap<string, string>;
  /** Pods that may reach themselves by way of a Service. */
  readonly endpoints: ReadonlySet<string>;
}

export const emptyTable: ServiceTable = {
  affinitySets: new Map(),
  chains: new Map(),
  services: new Map(),
  nodePorts: new Map(),
  endpoints: new Set(),
};

export function tableName(cluster: string): string {
  return `weft-${cluster}`;
}

/** A port without endpoints gets no rule: what is not translated is refused by the frame's rules. */
export function buildServiceTable(ports: Iterable<ServicePort>): ServiceTable {
  const affinitySets = new Map<string, number>();
  const chains = new Map<string, readonly string[]>();
  const services = new Map<string, string>();
  const nodePorts = new Map<string, string>();
  const endpoints = new Set<string>();
  for (const port of ports) {
    if (port.endpoints.length === 0) continue;
    const chain = `svc/${port.service}/${port.protocol}/${port.port}`;
    const { protocol, affinity } = port;
    if (affinity === undefined) chains.set(chain, [`meta l4proto ${protocol} ${spread(port.endpoints)}`]);
    else addWithAffinity(chain, { ...port, affinity });
    for (const address of port.addresses) services.set(`${address} . ${protocol} . ${port.port}`, chain);
    if (port.nodePort) nodePorts.set(`${protocol} . ${port.nodePort}`, chain);
    for (const { ip } of port.endpoints) endpoints.add(ip);
  }
  return { affinitySets, chains, services, nodePorts, endpoints };

  /** Each endpoint remembers its clients in a set; a client that none remembers is dealt out. */
  function addWithAffinity(chain: string, port: ServicePort & { affinity: number }): void {
    const targets = port.endpoints.map((endpoint) => {
      const suffix = `${port.service}/${port.protocol}/${port.port}/${endpoint.ip}/${endpoint.port}`;
      const target = { chain: `ep/${suffix}`, set: `aff/${suffix}/${port.affinity}` };
      affinitySets.set(target.set, port.affinity);
      chains.set(target.chain, [
        `update @${target.set} { ip saddr }`,
        `meta l4proto ${port.protocol} dnat ip to ${endpoint.ip}:${endpoint.port}`,
      ]);
      return target;
    });
    const choices = targets.map(({ chain }, index) => `${index} : goto ${chain}`);
    chains.set(chain, [
      ...targets.map(({ set, chain }) => `ip saddr @${set} goto ${chain}`),
      `numgen random mod ${targets.length} vmap { ${choices.join(", ")} }`,
    ]);
  }
}

function spread(endpoints: readonly Endpoint[]): string {
  const [only] = endpoints;
  if (only && endpoints.length === 1) return `dnat ip to ${only.ip}:${only.port}`;
  const choices = endpoints.map(({ ip, port }, index) => `${index} : ${ip} . ${port}`);
  return `dnat ip to numgen random mod ${endpoints.length} map { ${choices.join(", ")} }`;
}

/** The part of the table that never changes, as one transaction that replaces whatever was there. */
export function tableFrame(cluster: string, ranges: ClusterRanges): string {
  const { pods, services, loadBalancers, nodeIp } = ranges;
  const dispatch = `
    ip daddr . meta l4proto . th dport vmap @services
    ip daddr ${nodeIp} meta l4proto . th dport vmap @node-ports
    ip daddr != { 127.0.0.0/8, ${allClusters.text} } fib daddr type local meta l4proto . th dport vmap @node-ports`;
  // Whatever still carries a service's address here has no endpoint, or isn't a port of it.
  const refuse = `
    ip daddr { ${services.text}, ${loadBalancers.text} } jump refuse`;
  const table = tableName(cluster);
  return `
add table ip ${table}
delete table ip ${table}
table ip ${table} {
  map services { type ipv4_addr . inet_proto . inet_service : verdict; }
  map node-ports { type inet_proto . inet_service : verdict; }
  set endpoints { type ipv4_addr . ipv4_addr; }
  chain prerouting { type nat hook prerouting priority -100;${dispatch}
  }
  chain output { type nat hook output priority -100;${dispatch}
  }
  chain postrouting { type nat hook postrouting priority 100;
    ip saddr . ip daddr @endpoints snat to ${nodeIp}
    ip saddr ${pods.text} ip daddr != ${allClusters.text} masquerade
  }
  chain refuse {
    icmp type echo-request return
    meta l4proto tcp reject with tcp reset
    reject
  }
  chain refuse-input { type filter hook input priority 0;${refuse}
  }
  chain refuse-forward { type filter hook forward priority 0;${refuse}
  }
  chain refuse-output { type filter hook output priority 0;${refuse}
  }
}
`;
}
