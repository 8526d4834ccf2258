/** What the install says of a network: which endpoints are in it, and by which gateways it is reached. Istio: MeshNetworks. */
export interface MeshNetwork {
  readonly name: string;
  /** Ranges of addresses that are in it. */
  readonly cidrs: readonly string[];
  /** Names of clusters that are in it. */
  readonly clusters: readonly string[];
  readonly gateways: readonly MeshNetworkGateway[];
}

interface MeshNetworkGateway {
  readonly port: number;
  /** Its own IP address or name, or the full name of the service that it is. */
  readonly address?: string;
  readonly service?: string;
}
