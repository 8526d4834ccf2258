function toNumber(address: string): number | undefined {
  const parts = address.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

function bounds(cidr: string): { base: number; size: number } {
  const [address = "", bits = "32"] = cidr.split("/");
  const size = 2 ** (32 - Number(bits));
  const value = toNumber(address);
  if (value === undefined || !Number.isInteger(size) || size < 4)
    throw new Error(
      `service range ${JSON.stringify(cidr)}: want an IPv4 CIDR of at least 4 addresses, such as 10.96.0.0/16`,
    );
  return { base: value - (value % size), size };
}

/** The address of the `kubernetes` service: the first of the range. */
export function firstAddress(cidr: string): string {
  return toText(bounds(cidr).base + 1);
}

export function hasAddress(cidr: string, address: string): boolean {
  const { base, size } = bounds(cidr);
  const value = toNumber(address);
  return value !== undefined && value > base && value < base + size - 1;
}

/** A random free address above the part of the range that is left for chosen ones (KEP-3070), then below it. */
export function pickAddress(cidr: string, used: ReadonlySet<string>): string | undefined {
  const { base, size } = bounds(cidr);
  const reserved = size <= 32 ? 0 : Math.min(Math.max(16, Math.floor(size / 16)), 256);
  const usable = size - 2;
  const start = reserved + Math.floor(Math.random() * (usable - reserved));
  for (let step = 0; step < usable; step++) {
    const offset = (start + step) % usable;
    const candidate = toText(base + 1 + offset);
    if (!used.has(candidate) && (offset >= reserved || step >= usable - reserved)) return candidate;
  }
  return undefined;
}
