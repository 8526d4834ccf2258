import { run } from "./command.ts";
import { cidr, ipToNumber, maxClusters, rangesOf } from "./ranges.ts";

/**
 * The first cluster index that no cluster has and whose addresses nothing on this machine routes to (a VPN, say).
 * Throws when none is left.
 */
export async function freeIndex(taken: ReadonlySet<number>): Promise<number> {
  const routes = JSON.parse((await run("ip", ["-json", "-4", "route", "show", "table", "all"])) || "[]") as {
    dst: string;
    dev?: string;
  }[];
  const used = routes
    .filter(({ dst }) => dst !== "default" && /^\d/.test(dst))
    .map(({ dst, dev }) => ({ range: cidr(dst), dev }));
  for (let index = 0; index < maxClusters; index++) {
    if (taken.has(index)) continue;
    const { nodeIp, bridge } = rangesOf(index);
    const first = ipToNumber(nodeIp) & 0xffff0000;
    const start = first >>> 0;
    const overlaps = used.some(
      ({ range, dev }) =>
        range.size < 2 ** 25 && dev !== bridge && range.first < start + 65_536 && range.first + range.size > start,
    );
    if (!overlaps) return index;
  }
  throw new Error(
    `no address range is free: this machine may have ${maxClusters} clusters and ${taken.size} exist, and routes within 10.176.0.0/12 keep others from being used`,
  );
}
