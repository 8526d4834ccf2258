/** Names that extensions of Envoy had before 1.14, by kind. */
const old: Readonly<Record<string, readonly string[]>> = {
  http: [
    "buffer",
    "cors",
    "csrf",
    "dynamo",
    "fault",
    "grpc_http1_bridge",
    "grpc_http1_reverse_bridge",
    "grpc_json_transcoder",
    "grpc_web",
    "gzip",
    "health_check",
    "ip_tagging",
    "lua",
    "router",
    "squash",
  ],
  network: [
    "client_ssl_auth",
    "echo",
    "http_connection_manager",
    "mongo_proxy",
    "ratelimit",
    "redis_proxy",
    "tcp_proxy",
  ],
};

const current: ReadonlyMap<string, string> = new Map([
  ...Object.entries(old).flatMap(([kind, names]) =>
    names.map((name) => [`envoy.${name}`, `envoy.filters.${kind}.${name}`] as const),
  ),
  ["envoy.rate_limit", "envoy.filters.http.ratelimit"],
  ...["http_inspector", "original_dst", "original_src", "proxy_protocol", "tls_inspector"].map(
    (name) => [`envoy.listener.${name}`, `envoy.filters.listener.${name}`] as const,
  ),
]);

/** Today's name of a filter. Envoy: "Extension renaming" in the deprecation list of 1.14. */
export function currentFilterName(name: string): string {
  return current.get(name) ?? name;
}
