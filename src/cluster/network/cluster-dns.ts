import type { Namespace, Service } from "kubernetes-types/core/v1.d.ts";
import { createForward } from "#dns/forward.ts";
import { type DnsServer, startDnsServer } from "#dns/server.ts";
import type { Informer } from "#kube/informer.ts";
import type { Log } from "#log/log.ts";
import { answer } from "./dns/answer.ts";
import type { SliceIndex } from "./slice-index.ts";

export interface ClusterDnsOptions {
  /** The node's address; its own resolver address there is never forwarded to. */
  readonly host: string;
  readonly dnsIp: string;
  readonly domain: string;
  readonly services: Informer<Service>;
  readonly slices: SliceIndex;
  readonly namespaces: Informer<Namespace>;
  readonly log: Log;
}

/** The cluster's DNS. Other names than the cluster's go to the machine's resolvers. */
export function startClusterDns(options: ClusterDnsOptions): Promise<DnsServer> {
  const { host, dnsIp, domain, services, slices, namespaces, log } = options;
  const data = {
    service: (key: string) => services.get(key),
    services: () => services.values(),
    slices: (key: string) => slices.of(key),
    hasNamespace: (name: string) => namespaces.get(name) !== undefined,
  };
  const forward = createForward("/etc/resolv.conf", [host, dnsIp]);
  // Where something listens on all addresses already, on any port: clients come by the DNS Service's address and are led to it.
  const answering = { data, domain, forward };
  return startDnsServer(host, [53, 0, 0, 0], (query, over) => answer(query, over, answering), log);
}
