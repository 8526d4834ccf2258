import type { IpRanges, SplitRanges } from "./ip-ranges.ts";
import type { RuleBuilder } from "./rule-builder.ts";
import { type CaptureSettings, splitList } from "./settings.ts";

/** The proxy's own traffic leaves untouched, except calls to its own pod, which enter again as inbound. */
export function addProxyOwnerRules(
  rules: RuleBuilder,
  settings: CaptureSettings,
  include: SplitRanges,
  dns: boolean,
): void {
  const loopback = { v4: settings.hostIpv4LoopbackCidr, v6: "::1/128" };
  const tunnel = settings.inboundTunnelPort;
  const notTunnel = ["-p", "tcp", "!", "--dport", tunnel];
  // with DNS capture the proxy's own questions (by uid) must reach the resolver, not the inbound listener
  const notTunnelNorDns = ["-p", "tcp", "-m", "multiport", "!", "--dports", `53,${tunnel}`];
  const localExceptDns = dns ? ["-p", "tcp", "!", "--dport", "53"] : [];
  const addOwner = (option: string, id: string, self: readonly string[]): void => {
    rules.append(
      "nat",
      "ISTIO_OUTPUT",
      "-o",
      "lo",
      "!",
      "-d",
      loopback,
      ...self,
      "-m",
      "owner",
      option,
      id,
      "-j",
      "ISTIO_IN_REDIRECT",
    );
    // a loopback range that the user asked to capture must not be returned here
    if (!include.hasLoopback)
      rules.append(
        "nat",
        "ISTIO_OUTPUT",
        "-o",
        "lo",
        ...localExceptDns,
        "-m",
        "owner",
        "!",
        option,
        id,
        "-j",
        "RETURN",
      );
    rules.append("nat", "ISTIO_OUTPUT", "-m", "owner", option, id, "-j", "RETURN");
  };
  for (const uid of splitList(settings.proxyUid)) addOwner("--uid-owner", uid, dns ? notTunnelNorDns : notTunnel);
  for (const gid of splitList(settings.proxyGid)) addOwner("--gid-owner", gid, notTunnel);
}

/** Which groups of users are captured: all but some, or only some. */
export function addOwnerGroupRules(rules: RuleBuilder, settings: CaptureSettings): void {
  if (settings.ownerGroupsInclude === "*") {
    for (const group of splitList(settings.ownerGroupsExclude))
      rules.append("nat", "ISTIO_OUTPUT", "-m", "owner", "--gid-owner", group, "-j", "RETURN");
    return;
  }
  const noneOf = splitList(settings.ownerGroupsInclude).flatMap((group) => ["-m", "owner", "!", "--gid-owner", group]);
  rules.append("nat", "ISTIO_OUTPUT", ...noneOf, "-j", "RETURN");
}

/** Addresses and ports that leave untouched, then those that go to the proxy's outbound port. */
export function addOutboundRangeRules(
  rules: RuleBuilder,
  settings: CaptureSettings,
  include: SplitRanges,
  exclude: SplitRanges,
): void {
  for (const cidr of exclude.v4.cidrs) rules.appendV4("nat", "ISTIO_OUTPUT", "-d", cidr, "-j", "RETURN");
  for (const cidr of exclude.v6.cidrs) rules.appendV6("nat", "ISTIO_OUTPUT", "-d", cidr, "-j", "RETURN");
  for (const port of splitList(settings.outboundPortsInclude))
    rules.append("nat", "ISTIO_OUTPUT", "-p", "tcp", "--dport", port, "-j", "ISTIO_REDIRECT");
  const interfaces = splitList(settings.rerouteVirtualInterfaces);
  const addFamily = (
    ranges: IpRanges,
    append: (...args: readonly string[]) => void,
    insert: (...args: readonly string[]) => void,
  ): void => {
    if (ranges.all) {
      append("-j", "ISTIO_REDIRECT");
      for (const name of interfaces) insert("-i", name, "-j", "ISTIO_REDIRECT");
    }
    for (const cidr of ranges.cidrs) {
      for (const name of interfaces) insert("-i", name, "-d", cidr, "-j", "ISTIO_REDIRECT");
      append("-d", cidr, "-j", "ISTIO_REDIRECT");
    }
  };
  addFamily(
    include.v4,
    (...args) => rules.appendV4("nat", "ISTIO_OUTPUT", ...args),
    (...args) => rules.insertV4("nat", "PREROUTING", 1, ...args),
  );
  addFamily(
    include.v6,
    (...args) => rules.appendV6("nat", "ISTIO_OUTPUT", ...args),
    (...args) => rules.insertV6("nat", "PREROUTING", 1, ...args),
  );
}
