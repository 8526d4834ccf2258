import {
  type Cluster,
  configName,
  type FilterChain,
  type Listener,
  parseClusterName,
  type Route,
  type RouteConfiguration,
} from "./envoy-dump.ts";

type Rows = readonly (readonly string[])[];
const dash = (text: string): string => text || "-";

export interface ClusterFilter {
  readonly fqdn?: string;
  readonly port?: string;
  readonly subset?: string;
  readonly direction?: string;
}

export function matchesCluster(name: string, filter: ClusterFilter): boolean {
  const parts = parseClusterName(name);
  return (
    (!filter.fqdn || parts.fqdn.includes(filter.fqdn)) &&
    (!filter.port || parts.port === filter.port) &&
    (!filter.subset || parts.subset === filter.subset) &&
    (!filter.direction || parts.direction === filter.direction)
  );
}

export function clusterRows(clusters: readonly Cluster[]): Rows {
  const rows = clusters.map((cluster) => {
    const { fqdn, port, subset, direction } = parseClusterName(cluster.name);
    const type = cluster.type ?? cluster.cluster_type?.name ?? "STATIC";
    return [fqdn, dash(port), dash(subset), dash(direction), type, configName(cluster.metadata)];
  });
  rows.sort((a, b) => a.join(" ").localeCompare(b.join(" ")));
  return [["SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE"], ...rows];
}

/** One row for every filter chain: what it matches, where it leads. */
export function listenerRows(listeners: readonly Listener[]): Rows {
  const rows = listeners.flatMap((listener) => {
    const socket = listener.address?.socket_address;
    const port = socket?.port_value ?? 0;
    const address = socket?.address ?? listener.address?.pipe?.path ?? "";
    const chains = [
      ...(listener.filter_chains ?? []),
      ...(listener.default_filter_chain ? [listener.default_filter_chain] : []),
    ];
    return chains.map((chain) => ({
      port,
      row: [address, String(port), chainMatch(chain), chainDestination(chain)],
    }));
  });
  rows.sort((a, b) => a.port - b.port);
  return [["ADDRESSES", "PORT", "MATCH", "DESTINATION"], ...rows.map(({ row }) => row)];
}

function chainMatch({ filter_chain_match: match }: FilterChain): string {
  if (!match) return "ALL";
  const parts = [
    match.server_names?.length ? `SNI: ${match.server_names.join(",")}` : "",
    match.transport_protocol ? `Trans: ${match.transport_protocol}` : "",
    match.application_protocols?.length ? `App: ${match.application_protocols.join(",")}` : "",
    match.prefix_ranges?.length
      ? `Addr: ${match.prefix_ranges.map((range) => `${range.address_prefix}/${range.prefix_len ?? 0}`).join(",")}`
      : "",
    match.destination_port ? `Port: ${match.destination_port}` : "",
  ].filter(Boolean);
  return parts.join("; ") || "ALL";
}

function chainDestination(chain: FilterChain): string {
  for (const { typed_config: config } of [...(chain.filters ?? [])].reverse()) {
    if (!config) continue;
    if (config.rds?.route_config_name) return `Route: ${config.rds.route_config_name}`;
    if (config.cluster) return clusterText(config.cluster);
    if (config.weighted_clusters)
      return (config.weighted_clusters.clusters ?? []).map(({ name }) => clusterText(name)).join(", ");
    if (config.route_config) return `Inline Route: ${inlineRoute(config.route_config)}`;
  }
  return "Non-HTTP/Non-TCP";
}

function clusterText(name: string): string {
  return /^[^|]*\|[^|]*\|[^|]*\|/.test(name) ? `Cluster: ${name}` : name;
}

function inlineRoute(config: RouteConfiguration): string {
  return (config.virtual_hosts ?? []).flatMap(({ routes }) => (routes ?? []).map(routeMatch)).join(", ");
}

export function routeRows(configs: readonly RouteConfiguration[]): Rows {
  const rows = configs.flatMap((config) =>
    (config.virtual_hosts ?? []).flatMap((host) =>
      (host.routes ?? []).map((route) => {
        const domains = host.domains ?? [];
        const shown =
          domains.length > 2 ? `${domains.slice(0, 2).join(", ")} + ${domains.length - 2} more...` : domains.join(", ");
        return [config.name ?? "", host.name, shown, routeMatch(route), configName(route.metadata)];
      }),
    ),
  );
  return [["NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE"], ...rows];
}

function routeMatch({ match = {} }: Route): string {
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  if (match["path"] !== undefined) return text(match["path"]);
  if (match["prefix"] !== undefined) return `${text(match["prefix"])}*`;
  if (match["path_separated_prefix"] !== undefined) return `PathPrefix:${text(match["path_separated_prefix"])}`;
  const regex = match["safe_regex"] as { readonly regex?: string } | undefined;
  return regex?.regex === undefined ? "*" : `regex ${regex.regex}`;
}
