import type { ProxyView } from "#snapshot/proxy-view.ts";
import { type Resource, typeUrls } from "#xds/resource.ts";
import { clusterResources } from "./clusters/resources.ts";
import { endpointResource } from "./endpoints/resources.ts";
import { extensionConfigs } from "./envoy-filter/extension-configs.ts";
import { patchedClusters } from "./envoy-filter/patched-clusters.ts";
import { patchedListeners } from "./envoy-filter/patched-listeners.ts";
import { patchedRoutes } from "./envoy-filter/patched-routes.ts";
import { listenerResources } from "./listeners/resources.ts";
import { routeResource } from "./routes/resources.ts";

/**
 * The resources of one type for one proxy. With `names`, only those; endpoints and routes are always asked for by name, and
 * names that mean nothing are left out. Pure: the same view gives the same bytes, and equal resources of different
 * proxies are mostly the same object.
 */
export function generate(view: ProxyView, typeUrl: string, names?: readonly string[]): readonly Resource[] {
  switch (typeUrl) {
    case typeUrls.cluster:
      return pick(patchedClusters(view, clusterResources(view)), names);
    case typeUrls.listener:
      return pick(patchedListeners(view, listenerResources(view)), names);
    case typeUrls.endpoint:
      return found(names, (name) => endpointResource(view, name));
    case typeUrls.route:
      return found(names, (name) => patchedRoutes(view, routeResource(view, name)));
    case typeUrls.extensionConfig:
      return pick(extensionConfigs(view), names ?? []);
    default:
      return [];
  }
}

function pick(all: readonly Resource[], names: readonly string[] | undefined): readonly Resource[] {
  if (names === undefined) return all;
  const wanted = new Set(names);
  return all.filter(({ name }) => wanted.has(name));
}

function found(names: readonly string[] = [], build: (name: string) => Resource | undefined): readonly Resource[] {
  return [...new Set(names)].flatMap((name) => build(name) ?? []);
}
