import { createAddressPool } from "./address-pool.ts";
import { type Cidr, contains } from "./ranges.ts";

/** Addresses for Services of type LoadBalancer. All of the range is local to the machine: giving one out is book-keeping. */
export interface LoadBalancerPool {
  /**
   * The Service's address: the one it has, else `wanted`, else a free one. Services with the same `shareWith` key
   * get the same address. Undefined when `wanted` is out of range or another's, or nothing is free.
   */
  allocate(serviceKey: string, wanted?: string, shareWith?: string): string | undefined;
  release(serviceKey: string): void;
}

export function createLoadBalancerPool(range: Cidr): LoadBalancerPool {
  const pool = createAddressPool(range);
  const byService = new Map<string, { ip: string; shareWith: string | undefined }>();

  function release(serviceKey: string): void {
    const held = byService.get(serviceKey);
    if (!held) return;
    byService.delete(serviceKey);
    if (![...byService.values()].some(({ ip }) => ip === held.ip)) pool.giveBack(held.ip);
  }

  return {
    allocate(serviceKey, wanted, shareWith) {
      const held = byService.get(serviceKey);
      if (held && (wanted === undefined || wanted === held.ip)) {
        byService.set(serviceKey, { ip: held.ip, shareWith });
        return held.ip;
      }
      const sharing =
        shareWith === undefined ? undefined : [...byService.values()].find((other) => other.shareWith === shareWith);
      let ip: string;
      if (sharing && (wanted === undefined || wanted === sharing.ip)) ip = sharing.ip;
      else if (wanted !== undefined && (!isIn(range, wanted) || pool.has(wanted))) return undefined;
      else {
        try {
          ip = pool.take(wanted);
        } catch {
          return undefined;
        }
      }
      release(serviceKey);
      byService.set(serviceKey, { ip, shareWith });
      return ip;
    },
    release,
  };
}

function isIn(range: Cidr, ip: string): boolean {
  try {
    return contains(range, ip);
  } catch {
    return false;
  }
}
