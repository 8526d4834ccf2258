/** What Envoy's `/clusters?format=json` answers (Envoy: admin v3 Clusters, proto JSON). */
export interface ClusterStatuses {
  readonly cluster_statuses?: readonly {
    readonly name?: string;
    readonly host_statuses?: readonly HostStatus[];
  }[];
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

/** One row for every host of every cluster. */
export function endpointRows(statuses: ClusterStatuses, filter: EndpointFilter): (readonly string[])[] {
  const rows: string[][] = [];
  for (const { name = "", host_statuses: hosts = [] } of statuses.cluster_statuses ?? []) {
    if (filter.cluster && name !== filter.cluster) continue;
    for (const host of hosts) {
      const socket = host.address?.socket_address;
      const status = host.health_status?.eds_health_status ?? "UNKNOWN";
      if (filter.address && socket?.address !== filter.address) continue;
      if (filter.port && String(socket?.port_value) !== filter.port) continue;
      if (filter.status && status.toLowerCase() !== filter.status.toLowerCase()) continue;
      const endpoint = socket ? `${socket.address}:${socket.port_value}` : `unix://${host.address?.pipe?.path ?? ""}`;
      rows.push([endpoint, status, host.health_status?.failed_outlier_check ? "FAILED" : "OK", name]);
    }
  }
  rows.sort((a, b) => a.join(" ").localeCompare(b.join(" ")));
  return [["ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER"], ...rows];
}
