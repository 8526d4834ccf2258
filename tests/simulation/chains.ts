import { BlockList, isIPv6 } from "node:net";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Client } from "./call.ts";

/** What a listener knows of a connection when it picks a filter chain. */
export interface Wire {
  readonly transport: "raw_buffer" | "tls";
  readonly sni?: string;
  readonly protocols: readonly string[];
}

interface Match {
  readonly destinationPort?: number;
  readonly prefixRanges?: readonly { readonly addressPrefix: string; readonly prefixLen?: number }[];
  readonly serverNames?: readonly string[];
  readonly transportProtocol?: string;
  readonly applicationProtocols?: readonly string[];
}

/**
 * The filter chains that take a connection: one, as Envoy refuses listeners in which two have the same conditions, or none. At
 * every step only the chains with the most specific condition that holds go on.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto
 */
export function matchChains(listener: JsonObject, client: Client, wire: Wire): readonly JsonObject[] {
  let left = (listener["filterChains"] ?? []) as JsonObject[];
  const steps: readonly ((match: Match) => number | undefined)[] = [
    ({ destinationPort }) => rank(destinationPort === undefined ? undefined : destinationPort === client.port),
    ({ prefixRanges }) => longestPrefix(prefixRanges, client.address),
    ({ serverNames }) => bestName(serverNames, wire.sni),
    ({ transportProtocol }) => rank(transportProtocol ? transportProtocol === wire.transport : undefined),
    ({ applicationProtocols }) => protocolRank(applicationProtocols, wire.protocols),
  ];
  for (const step of steps) {
    const ranked = left.map((chain) => ({ chain, rank: step((chain["filterChainMatch"] ?? {}) as Match) }));
    const holding = ranked.filter((item) => item.rank !== undefined);
    const best = Math.max(...holding.map((item) => item.rank ?? 0));
    left = holding.filter((item) => item.rank === best).map((item) => item.chain);
  }
  if (left.length > 0) return left;
  const fallback = listener["defaultFilterChain"] as JsonObject | undefined;
  return fallback === undefined ? [] : [fallback];
}

/** 0 without a condition, 1 for one that holds. */
function rank(holds: boolean | undefined): number | undefined {
  return holds === undefined ? 0 : holds ? 1 : undefined;
}

function longestPrefix(ranges: Match["prefixRanges"], address: string): number | undefined {
  if (ranges === undefined || ranges.length === 0) return 0;
  const family = isIPv6(address) ? "ipv6" : "ipv4";
  const lengths = ranges
    .filter(({ addressPrefix, prefixLen = 0 }) => {
      if (isIPv6(addressPrefix) !== isIPv6(address)) return false;
      const list = new BlockList();
      list.addSubnet(addressPrefix, prefixLen, family);
      return list.check(address, family);
    })
    .map(({ prefixLen = 0 }) => prefixLen + 1);
  return lengths.length === 0 ? undefined : Math.max(...lengths);
}

function bestName(names: readonly string[] = [], sni = ""): number | undefined {
  if (names.length === 0) return 0;
  const asked = sni.toLowerCase();
  const found = names.flatMap((name) => {
    if (name === asked) return [Number.MAX_SAFE_INTEGER];
    return name.startsWith("*.") && asked.endsWith(name.slice(1)) ? [name.length] : [];
  });
  return found.length === 0 ? undefined : Math.max(...found);
}

function protocolRank(wanted: readonly string[] = [], given: readonly string[]): number | undefined {
  if (wanted.length === 0) return 0;
  const first = given.findIndex((protocol) => wanted.includes(protocol));
  return first < 0 ? undefined : given.length - first;
}
