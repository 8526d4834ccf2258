import type { RuleBuilder } from "./rule-builder.ts";
import { type CaptureSettings, splitList } from "./settings.ts";

/** Where the agent answers DNS. */
const agentDnsPort = "15053";

interface Family {
  readonly append: (table: string, chain: string, ...args: readonly string[]) => void;
  /** `-d`/`-s` values, one per resolver; a single undefined for "any address". */
  readonly servers: readonly (string | undefined)[];
}

/** Whether DNS is captured at all: asked for, and there is a resolver (or all of port 53) to capture. */
export function capturesDns(settings: CaptureSettings): boolean {
  const known = settings.dnsServersV4.length + settings.dnsServersV6.length > 0;
  return settings.redirectDns && (settings.captureAllDns || known);
}

/**
 * Questions to the resolvers of resolv.conf (or all of port 53) go to the agent. UDP answers and questions are kept in
 * two conntrack zones, or the agent's question upstream and the application's to the agent could be taken for one flow.
 */
export function addDnsRules(rules: RuleBuilder, settings: CaptureSettings): void {
  const v4: Family = {
    append: (table, chain, ...args) => rules.appendV4(table, chain, ...args),
    servers: settings.captureAllDns ? [undefined] : settings.dnsServersV4.map((server) => `${server}/32`),
  };
  const v6: Family = {
    append: (table, chain, ...args) => rules.appendV6(table, chain, ...args),
    servers: settings.captureAllDns ? [undefined] : settings.dnsServersV6.map((server) => `${server}/128`),
  };
  rules.append("raw", "OUTPUT", "-j", "ISTIO_OUTPUT_DNS");
  for (const family of [v4, v6]) addRedirects(family);
  const owners = [
    ...splitList(settings.proxyUid).map((uid) => ["-m", "owner", "--uid-owner", uid]),
    ...splitList(settings.proxyGid).map((gid) => ["-m", "owner", "--gid-owner", gid]),
  ];
  for (const owner of owners) {
    rules.append("raw", "ISTIO_OUTPUT_DNS", "-p", "udp", "--dport", "53", ...owner, "-j", "CT", "--zone", "1");
    rules.append("raw", "ISTIO_OUTPUT_DNS", "-p", "udp", "--sport", agentDnsPort, ...owner, "-j", "CT", "--zone", "2");
  }
  for (const family of [v4, v6]) addZones(family);
}

function addRedirects({ append, servers }: Family): void {
  if (servers.length === 0) return;
  append("nat", "ISTIO_OUTPUT", "-j", "ISTIO_OUTPUT_DNS");
  for (const [protocol, option] of [
    ["tcp", "--to-ports"],
    ["udp", "--to-port"],
  ] as const)
    for (const server of servers) {
      const to = server === undefined ? [] : ["-d", server];
      append("nat", "ISTIO_OUTPUT_DNS", "-p", protocol, "--dport", "53", ...to, "-j", "REDIRECT", option, agentDnsPort);
    }
}

function addZones({ append, servers }: Family): void {
  if (servers.length === 0) return;
  append("raw", "PREROUTING", "-j", "ISTIO_INBOUND");
  for (const server of servers) {
    const to = server === undefined ? [] : ["-d", server];
    const from = server === undefined ? [] : ["-s", server];
    append("raw", "ISTIO_OUTPUT_DNS", "-p", "udp", "--dport", "53", ...to, "-j", "CT", "--zone", "2");
    append("raw", "ISTIO_INBOUND", "-p", "udp", "--sport", "53", ...from, "-j", "CT", "--zone", "1");
  }
}
