import type { RuleBuilder } from "./rule-builder.ts";
import { type CaptureSettings, splitList } from "./settings.ts";

/** Connections that arrive at the pod go to the proxy's inbound port: by REDIRECT, or by TPROXY in `mangle`. */
export function addInboundRules(rules: RuleBuilder, settings: CaptureSettings): void {
  if (settings.inboundPortsInclude === "") return;
  const tproxy = settings.inboundInterceptionMode === "TPROXY";
  const table = tproxy ? "mangle" : "nat";
  if (tproxy) {
    // packets of known connections are only marked, so that policy routing brings them to the local socket
    rules.append("mangle", "ISTIO_DIVERT", "-j", "MARK", "--set-mark", settings.inboundTproxyMark);
    rules.append("mangle", "ISTIO_DIVERT", "-j", "ACCEPT");
    const loopback = { v4: settings.hostIpv4LoopbackCidr, v6: "::1/128" };
    const mark = `${settings.inboundTproxyMark}/0xffffffff`;
    rules.append(
      "mangle",
      "ISTIO_TPROXY",
      "!",
      "-d",
      loopback,
      "-p",
      "tcp",
      "-j",
      "TPROXY",
      "--tproxy-mark",
      mark,
      "--on-port",
      settings.inboundCapturePort,
    );
  }
  rules.append(table, "PREROUTING", "-p", "tcp", "-j", "ISTIO_INBOUND");
  const capture = (...match: readonly string[]): void => {
    if (tproxy) {
      const known = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"];
      rules.append("mangle", "ISTIO_INBOUND", "-p", "tcp", ...match, ...known, "-j", "ISTIO_DIVERT");
      rules.append("mangle", "ISTIO_INBOUND", "-p", "tcp", ...match, "-j", "ISTIO_TPROXY");
    } else rules.append("nat", "ISTIO_INBOUND", "-p", "tcp", ...match, "-j", "ISTIO_IN_REDIRECT");
  };
  if (settings.inboundPortsInclude === "*") {
    for (const port of splitList(settings.inboundPortsExclude))
      rules.append(table, "ISTIO_INBOUND", "-p", "tcp", "--dport", port, "-j", "RETURN");
    capture();
  } else for (const port of splitList(settings.inboundPortsInclude)) capture("--dport", port);
}

/** The mark that tells the proxy's own calls to its pod's address from everything else on `lo`. */
const outboundMark = "1338";

/** TPROXY mode: marks travel with the connection, and nothing goes round in circles. */
export function addTproxyMarkRules(rules: RuleBuilder, settings: CaptureSettings): void {
  const mark = settings.inboundTproxyMark;
  const loopback = { v4: settings.hostIpv4LoopbackCidr, v6: "::1/128" };
  rules.append("mangle", "PREROUTING", "-p", "tcp", "-m", "mark", "--mark", mark, "-j", "CONNMARK", "--save-mark");
  rules.append("mangle", "OUTPUT", "-p", "tcp", "-o", "lo", "-m", "mark", "--mark", mark, "-j", "RETURN");
  const owners = [
    ...splitList(settings.proxyUid).map((uid) => ["--uid-owner", uid]),
    ...splitList(settings.proxyGid).map((gid) => ["--gid-owner", gid]),
  ];
  for (const owner of owners)
    rules.append(
      "mangle",
      "OUTPUT",
      "!",
      "-d",
      loopback,
      "-p",
      "tcp",
      "-o",
      "lo",
      "-m",
      "owner",
      ...owner,
      "-j",
      "MARK",
      "--set-mark",
      outboundMark,
    );
  rules.append("mangle", "OUTPUT", "-p", "tcp", "-m", "connmark", "--mark", mark, "-j", "CONNMARK", "--restore-mark");
  rules.insert("mangle", "ISTIO_INBOUND", 1, "-p", "tcp", "-m", "mark", "--mark", mark, "-j", "RETURN");
  const passthrough = { v4: "127.0.0.6/32", v6: "::6/128" };
  rules.insert("mangle", "ISTIO_INBOUND", 2, "-p", "tcp", "-s", passthrough, "-i", "lo", "-j", "RETURN");
  rules.insert(
    "mangle",
    "ISTIO_INBOUND",
    3,
    "-p",
    "tcp",
    "-i",
    "lo",
    "-m",
    "mark",
    "!",
    "--mark",
    outboundMark,
    "-j",
    "RETURN",
  );
}
