import { readFileSync } from "node:fs";
import { isIPv4, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";

/** Whether the pod has an IPv6 address of its own: of its first address or, with dual stack, of any. */
export function podUsesIpv6(dualStack: boolean): boolean {
  const addresses = Object.values(networkInterfaces())
    .flat()
    .filter((item) => item !== undefined)
    .filter((item) => !item.internal && !/^(fe80:|ff|169\.254\.)/i.test(item.address));
  return dualStack ? addresses.some((item) => item.family === "IPv6") : addresses[0]?.family === "IPv6";
}

/** The resolvers of a resolv.conf, by family. */
export function resolvers(path = "/etc/resolv.conf"): { v4: string[]; v6: string[] } {
  const servers = [...readFileSync(path, "utf8").matchAll(/^nameserver\s+([^\s%]+)/gm)].map((match) => match[1] ?? "");
  return { v4: servers.filter((server) => isIPv4(server)), v6: servers.filter((server) => isIPv6(server)) };
}
