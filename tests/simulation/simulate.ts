import type { JsonObject } from "@bufbuild/protobuf";
import { type Call, type Client, clientOf, type Result } from "./call.ts";
import { matchChains, type Wire } from "./chains.ts";
import { matchRequest } from "./requests.ts";

/** What a proxy holds, in proto JSON by name. */
export interface ProxyConfig {
  readonly listeners: ReadonlyMap<string, JsonObject>;
  readonly routes: ReadonlyMap<string, JsonObject>;
}

/** Follows a call through a proxy's configuration as Envoy would, from the listener to the cluster. */
export function simulate(config: ProxyConfig, kind: "sidecar" | "router", call: Call): Result {
  const client = clientOf(call, kind === "router" ? "gateway" : "outbound");
  const listener = listenerFor(config.listeners, client);
  if (listener === undefined) return { error: "ErrNoListener" };
  const listenerMatched = text(listener["name"]);
  const chains = matchChains(listener, client, wireOf(listener, client));
  if (chains.length === 0) return { error: "ErrNoFilterChain", listenerMatched };
  if (chains.length > 1) return { error: "ErrMultipleFilterChain", listenerMatched };
  const [chain = {}] = chains;
  const reached = { listenerMatched, ...(chain["name"] ? { filterChainMatched: text(chain["name"]) } : {}) };
  const refused = handshake(chain, client);
  if (refused !== undefined) return { ...reached, error: refused };
  const opened = chain["transportSocket"] !== undefined;
  for (const filter of (chain["filters"] ?? []) as JsonObject[]) {
    const settings = (filter["typedConfig"] ?? {}) as JsonObject;
    const name = text(filter["name"]);
    if (name === "envoy.filters.network.tcp_proxy") {
      return { ...reached, clusterMatched: clusters(settings) };
    }
    if (name === "envoy.filters.network.http_connection_manager") {
      // Bytes that aren't HTTP: of another protocol, or of TLS that nobody opened.
      if (client.protocol === "tcp" || (client.tls !== "plaintext" && !opened)) {
        return { ...reached, error: "ErrProtocolError" };
      }
      return { ...reached, ...matchRequest(tableOf(config, settings), client, opened) };
    }
  }
  return { ...reached, error: "ErrNoFilterChain" };
}

/** A captured connection goes to the listener of its address, then of any address, then to the one that captures. */
function listenerFor(listeners: ReadonlyMap<string, JsonObject>, client: Client): JsonObject | undefined {
  const all = [...listeners.values()];
  const open = all.find((one) => one["bindToPort"] !== false && isAt(one, client));
  if (client.callMode === "gateway" || open !== undefined) return open;
  if (client.callMode === "inbound") return listeners.get("virtualInbound");
  const outbound = all.filter((one) => one["trafficDirection"] === "OUTBOUND" && one["bindToPort"] === false);
  const exact = outbound.find((one) => addressOf(one) === client.address && isAt(one, client));
  return exact ?? outbound.find((one) => isAt(one, client)) ?? listeners.get("virtualOutbound");
}

function isAt(listener: JsonObject, client: Client): boolean {
  const { portValue } = socket(listener);
  const address = addressOf(listener);
  return portValue === client.port && (address === "0.0.0.0" || address === "::" || address === client.address);
}

function addressOf(listener: JsonObject): string {
  return text(socket(listener).address);
}

function socket(listener: JsonObject): { readonly address?: string; readonly portValue?: number } {
  return ((listener["address"] as JsonObject | undefined)?.["socketAddress"] ?? {}) as JsonObject;
}

/** What the listener finds out about the connection: only what it has filters for, on ports where they are on. */
function wireOf(listener: JsonObject, client: Client): Wire {
  const inspects = (name: string): boolean =>
    ((listener["listenerFilters"] ?? []) as JsonObject[]).some(
      (filter) =>
        filter["name"] === name && !isDisabled(filter["filterDisabled"] as JsonObject | undefined, client.port),
    );
  if (client.tls !== "plaintext") {
    if (!inspects("envoy.filters.listener.tls_inspector")) return { transport: "raw_buffer", protocols: [] };
    return {
      transport: "tls",
      ...(client.sni === undefined ? {} : { sni: client.sni }),
      protocols: client.alpns,
    };
  }
  const http = client.protocol !== "tcp" && inspects("envoy.filters.listener.http_inspector");
  return { transport: "raw_buffer", protocols: http ? [client.protocol === "http2" ? "h2c" : "http/1.1"] : [] };
}

function isDisabled(predicate: JsonObject | undefined, port: number): boolean {
  if (predicate === undefined) return false;
  const not = predicate["notMatch"] as JsonObject | undefined;
  if (not !== undefined) return !isDisabled(not, port);
  const rules = (predicate["orMatch"] as JsonObject | undefined)?.["rules"] as JsonObject[] | undefined;
  if (rules !== undefined) return rules.some((rule) => isDisabled(rule, port));
  const { start = 0, end = 0 } = (predicate["destinationPortRange"] ?? {}) as { start?: number; end?: number };
  return port >= start && port < end;
}

function handshake(chain: JsonObject, client: Client): Result["error"] {
  const tls = (chain["transportSocket"] as JsonObject | undefined)?.["typedConfig"] as JsonObject | undefined;
  if (tls === undefined) return undefined;
  if (client.tls === "plaintext") return "ErrTLSError";
  return tls["requireClientCertificate"] === true && client.tls !== "mtls" ? "ErrMTLSError" : undefined;
}

function tableOf(config: ProxyConfig, settings: JsonObject): JsonObject {
  const own = settings["routeConfig"] as JsonObject | undefined;
  const name = text((settings["rds"] as JsonObject | undefined)?.["routeConfigName"]);
  return own ?? config.routes.get(name) ?? { name };
}

function clusters(settings: JsonObject): string {
  const weighted = (settings["weightedClusters"] as JsonObject | undefined)?.["clusters"] as JsonObject[] | undefined;
  return weighted === undefined ? text(settings["cluster"]) : weighted.map(({ name }) => text(name)).join(",");
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
