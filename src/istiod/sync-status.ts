import type { AdsServer, Connection } from "#xds/ads-server.ts";
import type { AdsStream } from "#xds/ads-stream.ts";
import { type ResourceType, typeUrls } from "#xds/resource.ts";
import type { ProxyClient } from "./xds-clients.ts";

/** One proxy in `/debug/syncz`. The first part has Istio's names; `errors` and `state` are Weft's. */
export interface SyncStatus {
  readonly cluster: string;
  readonly proxy: string;
  readonly proxy_type: string;
  readonly proxy_version: string;
  readonly istio_version: string;
  readonly cluster_sent?: string;
  readonly cluster_acked?: string;
  readonly listener_sent?: string;
  readonly listener_acked?: string;
  readonly route_sent?: string;
  readonly route_acked?: string;
  readonly endpoint_sent?: string;
  readonly endpoint_acked?: string;
  readonly extensionconfig_sent?: string;
  readonly extensionconfig_acked?: string;
  /** By type, as in `state`: what the proxy said when it rejected. */
  readonly errors: Readonly<Record<string, { readonly resources: readonly string[]; readonly message: string }>>;
  /** By type (`CDS`, `LDS`, `EDS`, `RDS`, `ECDS`), for the types that the proxy asked for. */
  readonly state: Readonly<Record<string, SyncState>>;
}

/** `ERROR`: the last response was rejected. `STALE`: it isn't answered yet. `NOT SENT`: there was nothing to send. */
type SyncState = "SYNCED" | "STALE" | "ERROR" | "NOT SENT";

const shown: readonly (readonly [string, string, ResourceType])[] = [
  ["CDS", "cluster", typeUrls.cluster],
  ["LDS", "listener", typeUrls.listener],
  ["EDS", "endpoint", typeUrls.endpoint],
  ["RDS", "route", typeUrls.route],
  ["ECDS", "extensionconfig", typeUrls.extensionConfig],
];

/** False for a stream that an agent has for its own needs. */
export function isProxy({ subscriptions }: AdsStream): boolean {
  return shown.some(([, , type]) => subscriptions.has(type));
}

/** What every connected proxy has of what it was sent. */
export function syncStatus(server: AdsServer, version: string): SyncStatus[] {
  const rows: SyncStatus[] = [];
  for (const connection of server.connections()) {
    const client = connection.stream.client as ProxyClient | undefined;
    if (client && isProxy(connection.stream)) rows.push(statusOf(connection, client, version));
  }
  return rows.sort((a, b) => (a.proxy < b.proxy ? -1 : 1));
}

function statusOf({ stream }: Connection, { id, proxy }: ProxyClient, version: string): SyncStatus {
  const nonces: Record<string, string> = {};
  const errors: Record<string, { resources: readonly string[]; message: string }> = {};
  const state: Record<string, SyncState> = {};
  for (const [short, name, typeUrl] of shown) {
    const subscription = stream.subscriptions.get(typeUrl);
    if (!subscription) continue;
    const { sentNonce, ackedNonce, unanswered, rejected } = subscription;
    if (sentNonce) nonces[`${name}_sent`] = sentNonce;
    if (ackedNonce) nonces[`${name}_acked`] = ackedNonce;
    const [message] = rejected.values();
    if (message !== undefined) {
      errors[short] = { resources: [...rejected.keys()], message };
      state[short] = "ERROR";
    } else if (unanswered.size > 0) state[short] = "STALE";
    // After a reconnect nothing is sent to a proxy that has everything: it is in sync all the same.
    else state[short] = sentNonce || !subscription.held.isEmpty ? "SYNCED" : "NOT SENT";
  }
  return {
    cluster: proxy.clusterId,
    proxy: id,
    proxy_type: proxy.type,
    proxy_version: proxy.version,
    istio_version: version,
    ...nonces,
    errors,
    state,
  };
}
