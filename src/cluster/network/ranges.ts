/** The addresses of one cluster. Every cluster of the machine has a /16 of its own inside {@link allClusters}. */
export interface ClusterRanges {
  /** 0 … {@link maxClusters} - 1. */
  readonly index: number;
  readonly pods: Cidr;
  readonly services: Cidr;
  readonly loadBalancers: Cidr;
  /** The node's InternalIP: an address of our own, so that it outlives a change of the machine's network. */
  readonly nodeIp: string;
  /** ClusterIP of `kubernetes.default`: the first of the service range. */
  readonly apiServerIp: string;
  /** ClusterIP of `kube-dns`: the tenth of the service range. */
  readonly dnsIp: string;
  readonly bridge: string;
}

/** An IPv4 network: `first` is its network address as an unsigned 32-bit number. */
export interface Cidr {
  readonly text: string;
  readonly first: number;
  readonly size: number;
}

/** 10.176.0.0 – 10.191.255.255: seldom used by home routers, VPNs, Docker or kind. */
export const allClusters: Cidr = cidr("10.176.0.0/12");
export const maxClusters = 16;

export function rangesOf(index: number): ClusterRanges {
  if (!Number.isInteger(index) || index < 0 || index >= maxClusters)
    throw new RangeError(`cluster index ${index} is not within 0..${maxClusters - 1}`);
  const net = `10.${176 + index}`;
  return {
    index,
    pods: cidr(`${net}.0.0/17`),
    services: cidr(`${net}.128.0/18`),
    loadBalancers: cidr(`${net}.192.0/20`),
    nodeIp: `${net}.255.1`,
    apiServerIp: `${net}.128.1`,
    dnsIp: `${net}.128.10`,
    bridge: `wf${index}-lb`,
  };
}

export function cidr(text: string): Cidr {
  const [address = "", bits = "32"] = text.split("/");
  return { text, first: ipToNumber(address), size: 2 ** (32 - Number(bits)) };
}

export function contains(range: Cidr, ip: string): boolean {
  const number = ipToNumber(ip);
  return number >= range.first && number < range.first + range.size;
}

/** Throws a RangeError for what isn't a dotted IPv4 address. */
export function ipToNumber(ip: string): number {
  const parts = ip.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255))
    throw new RangeError(`${ip} is not an IPv4 address`);
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function numberToIp(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join(".");
}
