import { allConfigs } from "#snapshot/input.ts";
import type { Problem } from "#snapshot/problem.ts";
import type { AdsServer } from "#xds/ads-server.ts";
import { shortTypeName } from "#xds/resource.ts";
import { configDump } from "./config-dump.ts";
import type { MeshSettings } from "./mesh-settings.ts";
import type { Snapshots } from "./snapshots.ts";
import { syncStatus } from "./sync-status.ts";
import type { ProxyClient } from "./xds-clients.ts";

export interface DebugSources {
  readonly ads: AdsServer;
  readonly snapshots: Snapshots;
  readonly settings: MeshSettings;
  readonly version: string;
  /** Resources, or newer forms of them, that are not in effect. */
  readonly problems: () => readonly Problem[];
}

/** What `/debug/NAME` answers: JSON, or undefined when the query finds nothing. */
type DebugPage = (sources: DebugSources, query: URLSearchParams) => unknown;

/** By path below `/debug/`. Names are Istio's. */
const pages: Readonly<Record<string, { readonly help: string; readonly page: DebugPage }>> = {
  syncz: {
    help: "what each proxy was sent and has accepted",
    page: ({ ads, version }) => syncStatus(ads, version),
  },
  adsz: { help: "connections and their subscriptions", page: ({ ads, snapshots }) => connections(ads, snapshots) },
  connections: { help: "connections", page: ({ ads, snapshots }) => connections(ads, snapshots) },
  registryz: { help: "services", page: ({ snapshots }) => snapshots.current().services.map(plain) },
  endpointz: {
    help: "endpoints by service",
    page: ({ snapshots }) => Object.fromEntries(snapshots.current().endpoints),
  },
  endpointShardz: { help: "endpoints by service and cluster", page: ({ snapshots }) => shards(snapshots) },
  configz: { help: "configuration in effect", page: ({ snapshots }) => configs(snapshots) },
  problems: {
    help: "resources that are not in effect, and why",
    page: ({ snapshots }) => snapshots.current().problems,
  },
  mesh: { help: "mesh configuration", page: ({ settings }) => settings.rawMesh() },
  inject: { help: "injection values", page: ({ settings }) => settings.injectValues() },
  config_dump: {
    help: "what istiod gives a proxy: ?proxyID=POD.NAMESPACE",
    page: ({ ads, version }, query) => configDump(ads, query.get("proxyID") ?? "", query.get("types") ?? "", version),
  },
  push_status: {
    help: "the last push",
    page: ({ snapshots, ads }) => ({ version: generation(snapshots), queued: ads.queued }),
  },
};

/** Answers `/debug`, `/debug/…`; undefined for a page that isn't there. */
export async function debugPage(
  sources: DebugSources,
  path: string,
  query: URLSearchParams,
): Promise<{ readonly body: unknown } | undefined> {
  const name = path.replace(/^\/debug\/?/, "");
  if (name === "" || name === "list")
    return { body: Object.fromEntries(Object.entries(pages).map(([key, { help }]) => [`/debug/${key}`, help])) };
  const found = Object.hasOwn(pages, name) ? pages[name] : undefined;
  if (!found) return undefined;
  const body = await found.page(sources, query);
  return body === undefined ? undefined : { body };
}

function generation(snapshots: Snapshots): string {
  return String(snapshots.current().generation);
}

function connections(ads: AdsServer, snapshots: Snapshots): object {
  const clients = [...ads.connections()].map(({ stream, peer, connectedAt }) => ({
    connectionId: stream.connectionId,
    proxy: stream.client?.id,
    connectedAt,
    address: peer,
    variant: stream.variant,
    labels: (stream.client as ProxyClient | undefined)?.proxy.labels,
    watches: Object.fromEntries(
      [...stream.subscriptions].map(([typeUrl, { names, wildcard, held, sentVersion, ackedVersion }]) => [
        shortTypeName(typeUrl),
        { wildcard, names: [...names], held: [...held].length, sentVersion, ackedVersion },
      ]),
    ),
  }));
  return { totalClients: clients.length, version: generation(snapshots), clients };
}

function shards(snapshots: Snapshots): object {
  const { endpoints, input } = snapshots.current();
  const byHost = [...endpoints].map(([host, list]) => [host, { Shards: { [`Kubernetes/${input.clusterId}`]: list } }]);
  return Object.fromEntries(byHost);
}

function configs(snapshots: Snapshots): unknown[] {
  return allConfigs(snapshots.current().input);
}

/** Sets as lists, for JSON. */
function plain<T extends object>(value: T): object {
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [key, part instanceof Set ? [...(part as Set<unknown>)] : part]),
  );
}
