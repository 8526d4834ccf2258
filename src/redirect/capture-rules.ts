import { addDnsRules, capturesDns } from "./dns-rules.ts";
import { addInboundRules, addTproxyMarkRules } from "./inbound-rules.ts";
import { splitRanges } from "./ip-ranges.ts";
import { addOutboundRangeRules, addOwnerGroupRules, addProxyOwnerRules } from "./outbound-rules.ts";
import { RuleBuilder } from "./rule-builder.ts";
import type { RuleSet } from "./rule-set.ts";
import { type CaptureSettings, splitList } from "./settings.ts";

/** The rules that bring a pod's TCP traffic to its proxy. Order is part of the meaning: the first match decides. */
export function captureRules(settings: CaptureSettings): RuleSet {
  const rules = new RuleBuilder(settings.enableIpv6);
  const include = splitRanges(settings.outboundIpRangesInclude);
  const exclude = splitRanges(settings.outboundIpRangesExclude);
  const tproxy = settings.inboundInterceptionMode === "TPROXY";

  for (const table of tproxy ? ["nat", "mangle"] : ["nat"])
    for (const name of splitList(settings.excludeInterfaces)) {
      rules.append(table, "PREROUTING", "-i", name, "-j", "RETURN");
      rules.append(table, "OUTPUT", "-o", name, "-j", "RETURN");
    }
  for (const name of splitList(settings.rerouteVirtualInterfaces))
    rules.insert("nat", "PREROUTING", 1, "-i", name, "-j", "RETURN");
  if (settings.dropInvalid) {
    rules.append("mangle", "PREROUTING", "-m", "conntrack", "--ctstate", "INVALID", "-j", "ISTIO_DROP");
    rules.append("mangle", "ISTIO_DROP", "-j", "DROP");
  }
  rules.append("nat", "ISTIO_INBOUND", "-p", "tcp", "--dport", settings.inboundTunnelPort, "-j", "RETURN");
  rules.append("nat", "ISTIO_REDIRECT", "-p", "tcp", "-j", "REDIRECT", "--to-ports", settings.proxyPort);
  rules.append("nat", "ISTIO_IN_REDIRECT", "-p", "tcp", "-j", "REDIRECT", "--to-ports", settings.inboundCapturePort);
  addInboundRules(rules, settings);

  rules.append("nat", "OUTPUT", "-j", "ISTIO_OUTPUT");
  for (const port of splitList(settings.outboundPortsExclude)) {
    rules.append("nat", "ISTIO_OUTPUT", "-p", "tcp", "--dport", port, "-j", "RETURN");
    rules.append("nat", "ISTIO_OUTPUT", "-p", "udp", "--dport", port, "-j", "RETURN");
  }
  // the source address of the proxy's passthrough connections to its own application
  const passthrough = { v4: "127.0.0.6/32", v6: "::6/128" };
  rules.append("nat", "ISTIO_OUTPUT", "-o", "lo", "-s", passthrough, "-j", "RETURN");
  const dns = capturesDns(settings);
  addProxyOwnerRules(rules, settings, include, dns);
  addOwnerGroupRules(rules, settings);
  if (dns) addDnsRules(rules, settings);
  rules.append("nat", "ISTIO_OUTPUT", "-d", { v4: settings.hostIpv4LoopbackCidr, v6: "::1/128" }, "-j", "RETURN");
  addOutboundRangeRules(rules, settings, include, exclude);
  if (tproxy) addTproxyMarkRules(rules, settings);
  return rules.rules();
}
