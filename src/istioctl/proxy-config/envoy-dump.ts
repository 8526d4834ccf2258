/** What Envoy's `/config_dump?include_eds` answers, as far as the tables need it (Envoy: admin v3 ConfigDump, proto JSON). */
export interface ConfigDump {
  readonly configs?: readonly DumpSection[];
}

interface DumpSection {
  readonly "@type"?: string;
  readonly static_clusters?: readonly { readonly cluster: Cluster }[];
  readonly dynamic_active_clusters?: readonly { readonly cluster: Cluster }[];
  readonly static_listeners?: readonly { readonly listener: Listener }[];
  readonly dynamic_listeners?: readonly { readonly active_state?: { readonly listener: Listener } }[];
  readonly static_route_configs?: readonly { readonly route_config: RouteConfiguration }[];
  readonly dynamic_route_configs?: readonly { readonly route_config: RouteConfiguration }[];
  readonly static_endpoint_configs?: readonly { readonly endpoint_config: EndpointConfig }[];
  readonly dynamic_endpoint_configs?: readonly { readonly endpoint_config: EndpointConfig }[];
  readonly dynamic_active_secrets?: readonly DynamicSecret[];
  readonly dynamic_warming_secrets?: readonly DynamicSecret[];
  readonly bootstrap?: object;
}

/** Text inside of the config. */
export interface DataSource {
  /** Base64. */
  readonly inline_bytes?: string;
  readonly inline_string?: string;
}

/** A secret that came over SDS, and its state. */
export interface DynamicSecret {
  readonly name?: string;
  readonly version_info?: string;
  readonly secret?: {
    readonly tls_certificate?: { readonly certificate_chain?: DataSource };
    readonly validation_context?: {
      readonly trusted_ca?: DataSource;
      readonly custom_validator_config?: {
        readonly typed_config?: {
          readonly trust_domains?: readonly { readonly name?: string; readonly trust_bundle?: DataSource }[];
        };
      };
    };
  };
}

/** Where Istio keeps which resource a piece of Envoy config came from: `filter_metadata.istio.config`. */
export interface Metadata {
  readonly filter_metadata?: { readonly istio?: { readonly config?: string } };
}

export interface Cluster {
  readonly name: string;
  readonly type?: string;
  readonly cluster_type?: { readonly name?: string };
  readonly metadata?: Metadata;
}

export interface Listener {
  readonly name?: string;
  readonly address?: Address;
  readonly additional_addresses?: readonly { readonly address: Address }[];
  readonly filter_chains?: readonly FilterChain[];
  readonly default_filter_chain?: FilterChain;
}

interface Address {
  readonly socket_address?: { readonly address?: string; readonly port_value?: number };
  readonly pipe?: { readonly path?: string };
}

export interface FilterChain {
  readonly name?: string;
  readonly filter_chain_match?: {
    readonly destination_port?: number;
    readonly server_names?: readonly string[];
    readonly transport_protocol?: string;
    readonly application_protocols?: readonly string[];
    readonly prefix_ranges?: readonly { readonly address_prefix: string; readonly prefix_len?: number }[];
  };
  readonly filters?: readonly { readonly name: string; readonly typed_config?: FilterConfig }[];
}

/** Rules of an RBAC filter by name. The action is ALLOW unless it is there. */
export interface RbacRules {
  readonly action?: string;
  readonly policies?: Readonly<Record<string, unknown>>;
}

/** An RBAC filter, of connections or of a connection manager. */
export interface RbacConfig {
  readonly "@type"?: string;
  readonly rules?: RbacRules;
  readonly shadow_rules?: RbacRules;
  readonly shadow_rules_stat_prefix?: string;
}

interface FilterConfig extends RbacConfig {
  readonly http_filters?: readonly { readonly name: string; readonly typed_config?: RbacConfig }[];
  readonly cluster?: string;
  readonly weighted_clusters?: { readonly clusters?: readonly { readonly name: string }[] };
  readonly rds?: { readonly route_config_name?: string };
  readonly route_config?: RouteConfiguration;
}

export interface RouteConfiguration {
  readonly name?: string;
  readonly virtual_hosts?: readonly VirtualHost[];
}

interface VirtualHost {
  readonly name: string;
  readonly domains?: readonly string[];
  readonly routes?: readonly Route[];
}

export interface Route {
  readonly name?: string;
  readonly match?: Readonly<Record<string, unknown>>;
  readonly metadata?: Metadata;
  readonly route?: {
    readonly cluster?: string;
    readonly weighted_clusters?: { readonly clusters?: readonly { readonly name: string }[] };
  };
}

interface EndpointConfig {
  readonly cluster_name?: string;
  readonly endpoints?: readonly {
    readonly lb_endpoints?: readonly {
      readonly health_status?: string;
      readonly endpoint?: { readonly address?: Address };
    }[];
  }[];
}

export const clustersOf = (dump: ConfigDump): Cluster[] =>
  sections(dump, "Clusters").flatMap((section) => [
    ...(section.static_clusters ?? []).map(({ cluster }) => cluster),
    ...(section.dynamic_active_clusters ?? []).map(({ cluster }) => cluster),
  ]);

export const listenersOf = (dump: ConfigDump): Listener[] =>
  sections(dump, "Listeners").flatMap((section) => [
    ...(section.dynamic_listeners ?? []).flatMap(({ active_state }) => (active_state ? [active_state.listener] : [])),
    ...(section.static_listeners ?? []).map(({ listener }) => listener),
  ]);

export const chainsOf = ({ filter_chains = [], default_filter_chain: last }: Listener): readonly FilterChain[] => [
  ...filter_chains,
  ...(last ? [last] : []),
];

/** What the RBAC filters of a filter chain are told. */
export function rbacOf({ filters = [] }: FilterChain): readonly RbacConfig[] {
  return filters
    .flatMap((filter) => [filter, ...(filter.typed_config?.http_filters ?? [])])
    .flatMap(({ typed_config: config }) => (config?.["@type"]?.endsWith(".rbac.v3.RBAC") ? [config] : []));
}

export const routesOf = (dump: ConfigDump): RouteConfiguration[] =>
  sections(dump, "Routes").flatMap((section) => [
    ...(section.dynamic_route_configs ?? []).map(({ route_config }) => route_config),
    ...(section.static_route_configs ?? []).map(({ route_config }) => route_config),
  ]);

export const bootstrapOf = (dump: ConfigDump): object | undefined =>
  sections(dump, "Bootstrap").find(({ bootstrap }) => bootstrap)?.bootstrap;

function sections(dump: ConfigDump, kind: string): readonly DumpSection[] {
  return (dump.configs ?? []).filter((section) => section["@type"]?.endsWith(`${kind}ConfigDump`));
}

/** `reviews.default` from `/apis/networking.istio.io/v1/namespaces/default/virtual-service/reviews`. */
export function configName(metadata: Metadata | undefined): string {
  const match = /\/namespaces\/([^/]+)\/[^/]+\/(.+)$/.exec(metadata?.filter_metadata?.istio?.config ?? "");
  return match ? `${match[2]}.${match[1]}` : "";
}

/** Parts of a cluster name that Istio's scheme gives: `outbound|9080|v1|reviews.default.svc.cluster.local`. */
export interface ClusterNameParts {
  readonly direction: string;
  readonly port: string;
  readonly subset: string;
  readonly fqdn: string;
}

export function parseClusterName(name: string): ClusterNameParts {
  const [direction = "", port = "", subset = "", fqdn] = name.split(/\|/);
  return fqdn === undefined ? { direction: "", port: "", subset: "", fqdn: name } : { direction, port, subset, fqdn };
}
