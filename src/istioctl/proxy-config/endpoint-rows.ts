/** What Envoy's `/clusters?format=json` answers (Envoy: admin v3 Clusters, proto JSON). */
export interface ClusterStatuses {
  readonly cluster_statuses?: readonly ClusterStatus[];
}

interface ClusterStatus {
  readonly name?: string;
  readonly host_statuses?: readonly HostStatus[];
}

interface HostStatus {
  readonly address?: {
    readonly socket_address?: { readonly address?: string; readonly port_value?: number };
    readonly pipe?: { readonly path?: string };
  };
  readonly health_status?: {
    readonly eds_health_status?: string;
    readonly failed_outlier_check?: boolean;
    readonly failed_active_health_check?: boolean;
  };
}

export interface EndpointFilter {
  readonly cluster?: string;
  readonly address?: string;
  readonly port?: string;
  readonly status?: string;
}

/** The clusters with a host that is asked for, with only those hosts. */
export function matchingClusters(
  { cluster_statuses: clusters = [] }: ClusterStatuses,
  filter: EndpointFilter,
): readonly ClusterStatus[] {
  return clusters.flatMap((cluster) => {
    if (filter.cluster && cluster.name !== filter.cluster) return [];
    const hosts = (cluster.host_statuses ?? []).filter((host) => matchesHost(host, filter));
    return hosts.length > 0 ? [{ ...cluster, host_statuses: hosts }] : [];
  });
}

function matchesHost(host: HostStatus, { address, port, status }: EndpointFilter): boolean {
  const socket = host.address?.socket_address;
  return (
    (!address || socket?.address === address) &&
    (!port || String(socket?.port_value) === port) &&
    (!status || healthOf(host).toLowerCase() === status.toLowerCase())
  );
}

function healthOf({ health_status: health }: HostStatus): string {
  return health?.eds_health_status ?? "UNKNOWN";
}

/** One row for every host of every cluster. */
export function endpointRows(clusters: readonly ClusterStatus[]): (readonly string[])[] {
  const rows = clusters.flatMap(({ name = "", host_statuses: hosts = [] }) =>
    hosts.map((host) => {
      const socket = host.address?.socket_address;
      const endpoint = socket ? `${socket.address}:${socket.port_value}` : `unix://${host.address?.pipe?.path ?? ""}`;
      return [endpoint, healthOf(host), host.health_status?.failed_outlier_check ? "FAILED" : "OK", name];
    }),
  );
  rows.sort((a, b) => a.join(" ").localeCompare(b.join(" ")));
  return [["ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"], ...rows];
}
