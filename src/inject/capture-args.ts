import { annotationOr, type InjectContext, statusPort } from "./context.ts";

/** Excluded inbound ports with the agent's port added, unless it is there or off. */
export function excludedInboundPorts(context: InjectContext): string {
  const name = "traffic.sidecar.istio.io/excludeInboundPorts";
  const given = annotationOr(context, name, context.values.global.proxy.excludeInboundPorts);
  const port = statusPort(context);
  if (port === "0" || port === "" || given.split(",").some((item) => item.trim() === port)) return given;
  return given === "" ? port : `${given},${port}`;
}

/** Arguments of `istio-iptables` for this pod. Annotations and values are those of Istio's traffic settings. */
export function captureArgs(context: InjectContext): string[] {
  const { proxy, logging, logAsJson, proxy_init: init } = context.values.global;
  const traffic = (name: string, fallback: string): string =>
    annotationOr(context, `traffic.sidecar.istio.io/${name}`, fallback);
  const optional = (flag: string, name: string, fallback = ""): string[] => {
    const given = context.annotations[`traffic.sidecar.istio.io/${name}`] !== undefined || fallback !== "";
    return given ? [flag, traffic(name, fallback)] : [];
  };
  const excluded = excludedInboundPorts(context);
  return [
    ["istio-iptables"],
    ["-p", String(context.mesh.proxyListenPort ?? 15001)],
    ["-z", "15006"],
    ["-u", "1337"],
    ["-m", context.interceptionMode],
    ["-i", traffic("includeOutboundIPRanges", proxy.includeIPRanges)],
    ["-x", traffic("excludeOutboundIPRanges", proxy.excludeIPRanges)],
    ["-b", traffic("includeInboundPorts", proxy.includeInboundPorts)],
    ["-d", excluded === "" ? "15090,15021" : `15090,15021,${excluded}`],
    optional("-q", "includeOutboundPorts", proxy.includeOutboundPorts),
    optional("-o", "excludeOutboundPorts", proxy.excludeOutboundPorts),
    rerouteInterfaces(context),
    optional("-c", "excludeInterfaces"),
    [`--log_output_level=${annotationOr(context, "sidecar.istio.io/agentLogLevel", logging.level)}`],
    logAsJson ? ["--log_as_json"] : [],
    context.values.pilot.cni.enabled ? ["--run-validation", "--skip-rule-apply"] : [],
    init.forceApplyIptables ? ["--force-apply"] : [],
  ].flat();
}

function rerouteInterfaces({ annotations }: InjectContext): string[] {
  const names =
    annotations["istio.io/reroute-virtual-interfaces"] ?? annotations["traffic.sidecar.istio.io/kubevirtInterfaces"];
  return names === undefined ? [] : ["-k", names];
}
