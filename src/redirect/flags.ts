import type { CaptureSettings } from "./settings.ts";

/** How the program runs, beside what it captures. */
export interface RunOptions {
  readonly dryRun: boolean;
  readonly skipRuleApply: boolean;
  readonly runValidation: boolean;
  readonly reconcile: boolean;
  readonly cleanupOnly: boolean;
  readonly forceApply: boolean;
  readonly dualStack: boolean;
  /** `legacy`, `nft`, or empty for the machine's own choice. */
  readonly forceIptablesBinary: string;
  /** Path of a network namespace to work in; empty for our own. */
  readonly networkNamespace: string;
}

const defaultOptions: RunOptions = {
  dryRun: false,
  skipRuleApply: false,
  runValidation: false,
  reconcile: false,
  cleanupOnly: false,
  forceApply: false,
  dualStack: false,
  forceIptablesBinary: "",
  networkNamespace: "",
};

interface Flag {
  /** Istio's name of the setting. */
  readonly field: string;
  readonly key: keyof CaptureSettings | keyof RunOptions | "ignored";
  readonly long?: string;
  readonly short?: string;
  readonly env?: readonly string[];
  readonly boolean?: true;
}

/** Istio's flags and environment (`istio-iptables --help`). Each long flag is also read from its upper-case name. */
const flags: readonly Flag[] = [
  { field: "ProxyPort", key: "proxyPort", long: "envoy-port", short: "p" },
  { field: "InboundCapturePort", key: "inboundCapturePort", long: "inbound-capture-port", short: "z" },
  { field: "InboundTunnelPort", key: "inboundTunnelPort", long: "inbound-tunnel-port", short: "e" },
  { field: "ProxyUID", key: "proxyUid", long: "proxy-uid", short: "u" },
  { field: "ProxyGID", key: "proxyGid", long: "proxy-gid", short: "g" },
  {
    field: "InboundInterceptionMode",
    key: "inboundInterceptionMode",
    long: "istio-inbound-interception-mode",
    short: "m",
  },
  { field: "InboundPortsInclude", key: "inboundPortsInclude", long: "istio-inbound-ports", short: "b" },
  { field: "InboundPortsExclude", key: "inboundPortsExclude", long: "istio-local-exclude-ports", short: "d" },
  { field: "ExcludeInterfaces", key: "excludeInterfaces", long: "istio-exclude-interfaces", short: "c" },
  { field: "OutboundIPRangesInclude", key: "outboundIpRangesInclude", long: "istio-service-cidr", short: "i" },
  { field: "OutboundIPRangesExclude", key: "outboundIpRangesExclude", long: "istio-service-exclude-cidr", short: "x" },
  { field: "OutboundPortsInclude", key: "outboundPortsInclude", long: "istio-outbound-ports", short: "q" },
  {
    field: "OutboundPortsExclude",
    key: "outboundPortsExclude",
    long: "istio-local-outbound-ports-exclude",
    short: "o",
  },
  { field: "RerouteVirtualInterfaces", key: "rerouteVirtualInterfaces", long: "kube-virt-interfaces", short: "k" },
  { field: "InboundTProxyMark", key: "inboundTproxyMark", long: "istio-inbound-tproxy-mark", short: "t" },
  {
    field: "InboundTProxyRouteTable",
    key: "inboundTproxyRouteTable",
    long: "istio-inbound-tproxy-route-table",
    short: "r",
  },
  { field: "RedirectDNS", key: "redirectDns", long: "redirect-dns", env: ["ISTIO_META_DNS_CAPTURE"], boolean: true },
  { field: "CaptureAllDNS", key: "captureAllDns", long: "capture-all-dns", boolean: true },
  { field: "DropInvalid", key: "dropInvalid", long: "drop-invalid", env: ["INVALID_DROP"], boolean: true },
  { field: "OwnerGroupsInclude", key: "ownerGroupsInclude", env: ["ISTIO_OUTBOUND_OWNER_GROUPS"] },
  { field: "OwnerGroupsExclude", key: "ownerGroupsExclude", env: ["ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE"] },
  { field: "HostIPv4LoopbackCidr", key: "hostIpv4LoopbackCidr", env: ["ISTIO_HOST_IPV4_LOOPBACK_CIDR"] },
  { field: "EnableIPv6", key: "enableIpv6", env: ["ENABLE_INBOUND_IPV6"], boolean: true },
  { field: "DNSServersV4", key: "dnsServersV4" },
  { field: "DNSServersV6", key: "dnsServersV6" },
  { field: "DryRun", key: "dryRun", long: "dry-run", short: "n", boolean: true },
  { field: "SkipRuleApply", key: "skipRuleApply", long: "skip-rule-apply", boolean: true },
  { field: "RunValidation", key: "runValidation", long: "run-validation", boolean: true },
  { field: "DualStack", key: "dualStack", long: "dual-stack", env: ["ISTIO_DUAL_STACK"], boolean: true },
  { field: "Reconcile", key: "reconcile", long: "reconcile", boolean: true },
  { field: "CleanupOnly", key: "cleanupOnly", long: "cleanup-only", boolean: true },
  { field: "ForceApply", key: "forceApply", long: "force-apply", boolean: true },
  { field: "ForceIptablesBinary", key: "forceIptablesBinary", long: "force-iptables-binary" },
  { field: "NetworkNamespace", key: "networkNamespace", long: "network-namespace" },
  // taken so that Istio's manifests run; they have no effect here
  { field: "IptablesProbePort", key: "ignored", long: "iptables-probe-port" },
  { field: "ProbeTimeout", key: "ignored", long: "probe-timeout" },
  { field: "HostFilesystemPodNetwork", key: "ignored", long: "cni-mode", boolean: true },
  { field: "NativeNftables", key: "ignored", long: "native-nftables", boolean: true },
  { field: "LogLevel", key: "ignored", long: "log_output_level" },
  { field: "LogAsJson", key: "ignored", long: "log_as_json", boolean: true },
];

/** Istio's setting names (`ProxyPort`) to ours. */
export const settingFields: Readonly<Record<string, string>> = Object.fromEntries(
  flags.filter((flag) => flag.key !== "ignored").map((flag) => [flag.field, flag.key]),
);

/** What the user gave: settings and options by key, without the defaults. */
export interface Given {
  readonly settings: Partial<CaptureSettings>;
  readonly options: RunOptions;
}

/** Reads the command line over the environment. Throws an Error that names the flag it can't read. */
export function parseFlags(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Given {
  const values: Record<string, string | boolean> = {};
  for (const flag of flags) {
    const names = [...(flag.long ? [flag.long.toUpperCase().replaceAll("-", "_")] : []), ...(flag.env ?? [])];
    for (const name of names) {
      const text = env[name];
      if (text !== undefined) values[flag.key] = flag.boolean ? parseBoolean(name, text) : text;
    }
  }
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] as string;
    const { flag, attached } = matchFlag(arg);
    if (flag.boolean) values[flag.key] = attached === undefined || parseBoolean(arg, attached);
    else if (attached !== undefined) values[flag.key] = attached;
    else {
      index += 1;
      const value = args[index];
      if (value === undefined) throw new Error(`flag ${arg} needs a value`);
      values[flag.key] = value;
    }
  }
  delete values["ignored"];
  const options: Record<string, string | boolean> = { ...defaultOptions };
  const settings: Record<string, string | boolean> = {};
  for (const [key, value] of Object.entries(values)) (key in defaultOptions ? options : settings)[key] = value;
  return { settings, options: options as unknown as RunOptions };
}

function matchFlag(arg: string): { flag: Flag; attached: string | undefined } {
  const long = /^--([^=]+)(?:=([\s\S]*))?$/.exec(arg);
  const short = /^-([a-zA-Z])(?:=?([\s\S]+))?$/.exec(arg);
  const flag = flags.find((item) => (long ? item.long === long[1] : short !== null && item.short === short[1]));
  if (!flag)
    throw new Error(`unknown argument '${arg}'; istio-iptables takes Istio's flags, such as -p 15001 -z 15006`);
  return { flag, attached: (long ?? short)?.[2] };
}

function parseBoolean(name: string, text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (text === "" || /^(0|f|false)$/i.test(text)) return false;
  throw new Error(`${name}: '${text}' is not true or false`);
}
