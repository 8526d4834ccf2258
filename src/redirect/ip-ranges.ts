import { isIPv4, isIPv6 } from "node:net";
import { splitList } from "./settings.ts";

/** CIDRs of one IP family, or everything. */
export interface IpRanges {
  readonly all: boolean;
  readonly cidrs: readonly string[];
}

/** A list of CIDRs split by family. Items that aren't CIDRs are left out and named in `ignored`, as in Istio. */
export interface SplitRanges {
  readonly v4: IpRanges;
  readonly v6: IpRanges;
  readonly hasLoopback: boolean;
  readonly ignored: readonly string[];
}

/** Splits a comma separated list of CIDRs; `*` stands for everything in both families. */
export function splitRanges(text: string): SplitRanges {
  if (text === "*")
    return { v4: { all: true, cidrs: [] }, v6: { all: true, cidrs: [] }, hasLoopback: false, ignored: [] };
  const v4: string[] = [];
  const v6: string[] = [];
  const ignored: string[] = [];
  for (const cidr of splitList(text)) {
    const [address = "", bits = "", rest] = cidr.split("/");
    const plausible = rest === undefined && /^\d{1,3}$/.test(bits);
    if (plausible && isIPv4(address) && Number(bits) <= 32) v4.push(cidr);
    else if (plausible && isIPv6(address) && Number(bits) <= 128) v6.push(cidr);
    else ignored.push(cidr);
  }
  const hasLoopback = v4.some((cidr) => cidr.startsWith("127.")) || v6.some((cidr) => cidr.startsWith("::1/"));
  return { v4: { all: false, cidrs: v4 }, v6: { all: false, cidrs: v6 }, hasLoopback, ignored };
}
