/** What to capture. Field names and meanings are those of Istio's `istio-iptables`; lists are comma separated. */
export interface CaptureSettings {
  readonly proxyPort: string;
  readonly inboundCapturePort: string;
  readonly inboundTunnelPort: string;
  readonly proxyUid: string;
  readonly proxyGid: string;
  /** `TPROXY` keeps the client's address, anything else is `REDIRECT`. */
  readonly inboundInterceptionMode: string;
  readonly inboundTproxyMark: string;
  readonly inboundTproxyRouteTable: string;
  /** Ports, `*` for all, empty for none. */
  readonly inboundPortsInclude: string;
  readonly inboundPortsExclude: string;
  readonly ownerGroupsInclude: string;
  readonly ownerGroupsExclude: string;
  readonly outboundPortsInclude: string;
  readonly outboundPortsExclude: string;
  /** CIDRs, `*` for all, empty for none. */
  readonly outboundIpRangesInclude: string;
  readonly outboundIpRangesExclude: string;
  readonly rerouteVirtualInterfaces: string;
  readonly excludeInterfaces: string;
  readonly redirectDns: boolean;
  readonly captureAllDns: boolean;
  readonly dnsServersV4: readonly string[];
  readonly dnsServersV6: readonly string[];
  readonly dropInvalid: boolean;
  readonly enableIpv6: boolean;
  readonly hostIpv4LoopbackCidr: string;
}

export const defaultSettings: CaptureSettings = {
  proxyPort: "15001",
  inboundCapturePort: "15006",
  inboundTunnelPort: "15008",
  proxyUid: "1337",
  proxyGid: "1337",
  inboundInterceptionMode: "",
  inboundTproxyMark: "1337",
  inboundTproxyRouteTable: "133",
  inboundPortsInclude: "",
  inboundPortsExclude: "",
  ownerGroupsInclude: "*",
  ownerGroupsExclude: "",
  outboundPortsInclude: "",
  outboundPortsExclude: "",
  outboundIpRangesInclude: "",
  outboundIpRangesExclude: "",
  rerouteVirtualInterfaces: "",
  excludeInterfaces: "",
  redirectDns: false,
  captureAllDns: false,
  dnsServersV4: [],
  dnsServersV6: [],
  dropInvalid: false,
  enableIpv6: false,
  hostIpv4LoopbackCidr: "127.0.0.1/32",
};

/** The items of a comma separated list, blanks and empty items dropped. */
export function splitList(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

/** What makes settings unusable, in words for the user; undefined when they are fine. */
export function settingsError(settings: CaptureSettings): string | undefined {
  if (settings.outboundIpRangesExclude === "*")
    return "--istio-service-exclude-cidr: '*' would exclude everything; list CIDRs, or leave out --istio-service-cidr";
  if (settings.ownerGroupsInclude !== "*" && settings.ownerGroupsExclude !== "")
    return "ISTIO_OUTBOUND_OWNER_GROUPS and ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE are both set; set one of them";
  if (splitList(settings.ownerGroupsInclude).length > 64)
    return "ISTIO_OUTBOUND_OWNER_GROUPS names more than 64 groups; iptables can't match that many in one rule";
  for (const [flag, value] of [
    ["--envoy-port", settings.proxyPort],
    ["--inbound-capture-port", settings.inboundCapturePort],
    ["--inbound-tunnel-port", settings.inboundTunnelPort],
    ["--istio-local-exclude-ports", settings.inboundPortsExclude],
    ["--istio-inbound-ports", settings.inboundPortsInclude === "*" ? "" : settings.inboundPortsInclude],
    ["--istio-outbound-ports", settings.outboundPortsInclude],
    ["--istio-local-outbound-ports-exclude", settings.outboundPortsExclude],
  ] as const)
    for (const port of splitList(value))
      if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) return `${flag}: '${port}' is not a port (0 to 65535)`;
  // every other list ends up in a rule too: no blank may start a second option
  for (const value of [settings.proxyUid, settings.proxyGid, settings.excludeInterfaces, settings.ownerGroupsInclude])
    if (/\s/.test(value.trim())) return `'${value}' has a blank in it; separate list items with commas only`;
  return undefined;
}
