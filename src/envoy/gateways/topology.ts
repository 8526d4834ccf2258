import type { Proxy } from "#model/proxy.ts";

const details = ["SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY"] as const;

/** What stands before a gateway. Istio: ProxyConfig.gatewayTopology, which a proxy tells in its metadata. */
export interface GatewayTopology {
  /** Proxies whose word on the client's address is taken. */
  readonly numTrustedProxies?: number;
  /** What happens to a client certificate's details that a request brings along. */
  readonly forwardClientCertDetails?: (typeof details)[number];
  /** Connections begin with a PROXY header. */
  readonly proxyProtocol?: object;
}

/** Fields that aren't as they should be count as absent. */
export function gatewayTopology({ metadata }: Proxy): GatewayTopology {
  const config = metadata["PROXY_CONFIG"] as { readonly gatewayTopology?: unknown } | undefined;
  const given = (config?.gatewayTopology ?? {}) as Readonly<Record<string, unknown>>;
  const hops = Number(given["numTrustedProxies"] ?? 0);
  const forward = details.find((name) => name === given["forwardClientCertDetails"]);
  const proxied = given["proxyProtocol"];
  return {
    ...(Number.isInteger(hops) && hops > 0 && hops < 2 ** 32 ? { numTrustedProxies: hops } : {}),
    ...(forward ? { forwardClientCertDetails: forward } : {}),
    ...(typeof proxied === "object" && proxied !== null ? { proxyProtocol: proxied } : {}),
  };
}
