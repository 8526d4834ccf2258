import { isIP, isIPv6 } from "node:net";
import type { Service } from "#model/service.ts";

/** The names a service goes by for clients in a namespace, then its addresses. Ports are ignored when hosts are matched. */
export function serviceDomains(service: Service, proxyDomain: string): { domains: string[]; short: readonly string[] } {
  const { hostname, aliases } = service;
  const short = [hostname, ...aliases].flatMap((name) => shortNames(name, proxyDomain));
  const names = [hostname, ...aliases].flatMap((name) => [name, `${name}.`, ...shortNames(name, proxyDomain)]);
  // A pod of a headless service is called by its own name.
  const pods = service.headless ? names.map((name) => `*.${name}`) : [];
  const addresses = service.addresses.filter((address) => isIP(address) !== 0).map(hostForm);
  return { domains: [...names, ...pods, ...addresses], short };
}

/** Istio: generateAltVirtualHostsForKubernetesService. The order is part of what proxies get. */
function shortNames(hostname: string, proxyDomain: string): readonly string[] {
  const [proxyNamespace, suffix] = proxyDomain.split(/\.svc\./, 2);
  const [ownName, ownSuffix] = hostname.split(/\.svc\./, 2);
  if (suffix === undefined || ownName === undefined || ownSuffix !== suffix) return [];
  const dot = ownName.indexOf(".");
  if (dot < 0) return [];
  if (ownName.slice(dot + 1) === proxyNamespace) return [ownName.slice(0, dot), `${ownName}.svc`, ownName];
  return [ownName, `${ownName}.svc`];
}

/** How an address stands in a Host header. */
export function hostForm(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
