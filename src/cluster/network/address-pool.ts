import { type Cidr, contains, ipToNumber, numberToIp } from "./ranges.ts";

/**
 * Hands out the addresses of a range, the longest unused first: an address that was just given back may still be in
 * somebody's DNS cache or connection table.
 */
export interface AddressPool {
  /** `wanted` if it is free, else the next free one. Throws when the range is used up. */
  take(wanted?: string): string;
  has(ip: string): boolean;
  giveBack(ip: string): void;
}

export function createAddressPool(range: Cidr, reserved: readonly string[] = []): AddressPool {
  const taken = new Set(reserved);
  // The network and the broadcast address stay out, as some programs refuse them.
  const first = range.first + 1;
  const count = range.size - 2;
  let next = 0;
  return {
    take(wanted) {
      if (wanted !== undefined && isAddressIn(range, wanted) && !taken.has(wanted)) {
        taken.add(wanted);
        return wanted;
      }
      for (let tried = 0; tried < count; tried++) {
        const ip = numberToIp(first + next);
        next = (next + 1) % count;
        if (taken.has(ip)) continue;
        taken.add(ip);
        return ip;
      }
      throw new Error(`all ${count} addresses of ${range.text} are in use`);
    },
    has: (ip) => taken.has(ip),
    giveBack(ip) {
      if (!reserved.includes(ip)) taken.delete(ip);
    },
  };
}

function isAddressIn(range: Cidr, ip: string): boolean {
  try {
    const number = ipToNumber(ip);
    return contains(range, ip) && number !== range.first && number !== range.first + range.size - 1;
  } catch {
    return false;
  }
}
