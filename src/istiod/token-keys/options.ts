import { BlockList, isIP } from "node:net";
import { parseDuration } from "#model/duration.ts";
import type { KeyReader } from "#snapshot/token-keys.ts";

/** How keys that tokens are checked with are read from URLs. */
export interface TokenKeyOptions {
  /** Istio: PILOT_JWT_ENABLE_REMOTE_JWKS. */
  readonly reader: KeyReader;
  /** Time between two looks at keys that were read (ms). Istio: PILOT_JWT_PUB_KEY_REFRESH_INTERVAL. */
  readonly refreshMs: number;
  /** Addresses that aren't called, whatever name leads there. */
  readonly blocked: BlockList;
  /** File with certificates, PEM, that are believed besides the system's; it needn't be there. Istio: jwksResolverExtraRootCA. */
  readonly authoritiesFile: string;
  /** Whether any certificate is believed. Istio: JWKS_RESOLVER_INSECURE_SKIP_VERIFY. */
  readonly insecure: boolean;
}

const readers: Readonly<Record<string, KeyReader>> = {
  false: "istiod",
  istiod: "istiod",
  true: "hybrid",
  hybrid: "hybrid",
  envoy: "envoy",
};

/** Links, and where clouds tell machines their credentials: whoever may write a RequestAuthentication must not make istiod ask there. */
const neverCalled = ["169.254.0.0/16", "fe80::/10", "64:ff9b::a9fe:0/112", "100.100.100.200/32", "fd00:ec2::/32"];

/** Throws an Error that names the variable that can't be used. */
export function readTokenKeyOptions(env: Readonly<Record<string, string | undefined>>): TokenKeyOptions {
  const mode = env["PILOT_JWT_ENABLE_REMOTE_JWKS"] || "false";
  const reader = readers[mode.toLowerCase()];
  if (reader === undefined)
    throw new Error(`PILOT_JWT_ENABLE_REMOTE_JWKS: ${mode} is none of istiod, hybrid, envoy, true and false`);
  const interval = env["PILOT_JWT_PUB_KEY_REFRESH_INTERVAL"] || "20m";
  const refreshMs = parseDuration(interval);
  if (refreshMs === undefined || refreshMs < 1)
    throw new Error(`PILOT_JWT_PUB_KEY_REFRESH_INTERVAL: ${interval} is not a duration, such as 20m`);
  return {
    reader,
    refreshMs,
    blocked: blockList([...neverCalled, ...(env["BLOCKED_CIDRS_IN_JWKS_URIS"] ?? "").split(",")]),
    authoritiesFile: "/cacerts/extra.pem",
    insecure: env["JWKS_RESOLVER_INSECURE_SKIP_VERIFY"] === "true",
  };
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges.map((text) => text.trim()).filter((text) => text !== "")) {
    const [address = "", length = ""] = range.split("/");
    const family = isIP(address);
    const bits = Number(length);
    if (family === 0 || !/^\d+$/.test(length) || bits > (family === 4 ? 32 : 128))
      throw new Error(`BLOCKED_CIDRS_IN_JWKS_URIS: ${range} is not a range of addresses, such as 10.0.0.0/8`);
    list.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
  }
  return list;
}
