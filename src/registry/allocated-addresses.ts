import { createHash } from "node:crypto";
import { BlockList, isIP } from "node:net";
import type { ServiceEntry } from "#api/istio/service-entry.ts";
import { isWildcard } from "#model/host.ts";

/** An address that a ServiceEntry was given, as its status lists it. */
interface AllocatedAddress {
  readonly value: string;
  readonly host: string;
}

/** Whether the control plane finds addresses for the entry. Istio: ShouldV2AutoAllocateIP. */
export function takesAllocation({ metadata, spec }: ServiceEntry): boolean {
  if ((spec.resolution ?? "NONE") === "NONE" || spec.addresses?.length) return false;
  return metadata.labels?.["networking.istio.io/enable-autoallocate-ip"]?.toLowerCase() !== "false";
}

function listed({ status }: ServiceEntry): readonly Partial<AllocatedAddress>[] {
  const { addresses } = (status ?? {}) as { readonly addresses?: readonly Partial<AllocatedAddress>[] };
  return Array.isArray(addresses) ? addresses : [];
}

/** The addresses in the entry's status, by host. */
export function allocatedAddresses(entry: ServiceEntry): ReadonlyMap<string, readonly string[]> {
  const result = new Map<string, string[]>();
  for (const { host = "", value = "" } of listed(entry)) {
    if (!isAllocated(value)) continue;
    result.set(host, [...(result.get(host) ?? []), value]);
  }
  return result;
}

/** Addresses of one IP version. */
interface Family {
  has(address: string): boolean;
  /** That with a number below {@link size}. */
  readonly at: (number: number) => string;
}

const size = 1 << 16;

/** Istio: PILOT_IP_AUTOALLOCATE_IPV4_PREFIX, PILOT_IP_AUTOALLOCATE_IPV6_PREFIX. */
const families: readonly Family[] = [
  family("240.240.0.0", 16, 4, (number) => `240.240.${number >> 8}.${number & 255}`),
  family("2001:2::", 48, 6, (number) => `2001:2::${number.toString(16)}`),
];

function family(start: string, length: number, version: 4 | 6, at: Family["at"]): Family {
  const type = `ipv${version}` as const;
  const range = new BlockList();
  range.addSubnet(start, length, type);
  return { has: (address) => isIP(address) === version && range.check(address, type), at };
}

function isAllocated(address: string): boolean {
  return families.some((one) => one.has(address));
}

/**
 * What the status of each entry should list, by `namespace/name`: entries that already have it right are left out. A host has an
 * address of each version, and keeps those that it has; a new one gets the address that its name hashes to, or the next that is
 * free. `entries` come oldest first, so that of two that claim one address the older keeps it.
 */
export function allocate(entries: readonly ServiceEntry[]): ReadonlyMap<string, readonly AllocatedAddress[]> {
  const takers = entries.filter(takesAllocation);
  const owners = new Map<string, string>();
  const ownerOf = (entry: ServiceEntry, host: string) => `${entry.metadata.namespace}/${entry.metadata.name}/${host}`;
  for (const entry of takers) {
    for (const [host, addresses] of allocatedAddresses(entry)) {
      for (const address of addresses) if (!owners.has(address)) owners.set(address, ownerOf(entry, host));
    }
  }
  const changes = new Map<string, readonly AllocatedAddress[]>();
  for (const entry of takers) {
    const known = allocatedAddresses(entry);
    const hosts = [...new Set((entry.spec.hosts ?? []).filter((host) => !isWildcard(host)))];
    const wanted = hosts.flatMap((host): AllocatedAddress[] => {
      const owner = ownerOf(entry, host);
      const mine = known.get(host)?.filter((address) => owners.get(address) === owner);
      return families.flatMap((one) => {
        const value = mine?.find((address) => one.has(address)) ?? free(owner, one, owners);
        if (value === undefined) return [];
        owners.set(value, owner);
        return [{ value, host }];
      });
    });
    const same =
      wanted.length === listed(entry).length &&
      wanted.every(({ value, host }, index) => {
        const one = listed(entry)[index];
        return one?.value === value && one.host === host;
      });
    if (!same) changes.set(`${entry.metadata.namespace}/${entry.metadata.name}`, wanted);
  }
  return changes;
}

/** The first address from where the name hashes to that nobody has; those that end in 0 or 255 are left out. */
function free(owner: string, { at }: Family, owners: ReadonlyMap<string, string>): string | undefined {
  const start = createHash("sha256").update(owner).digest().readUInt16BE(0);
  for (let step = 0; step < size; step++) {
    const number = (start + step) % size;
    const last = number & 255;
    if (last === 0 || last === 255) continue;
    const address = at(number);
    if (!owners.has(address)) return address;
  }
  return undefined;
}
