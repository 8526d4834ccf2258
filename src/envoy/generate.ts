import type { ProxyView } from "#snapshot/proxy-view.ts";
import { type Resource, typeUrls } from "#xds/resource.ts";
import { listOf, noResources, type ResourceSet, sharedSet } from "#xds/resource-set.ts";
import { clusterResources } from "./clusters/resources.ts";
import { endpointResources } from "./endpoints/resources.ts";
import { extensionConfigs } from "./envoy-filter/extension-configs.ts";
import { patchedClusters } from "./envoy-filter/patched-clusters.ts";
import { patchedListeners } from "./envoy-filter/patched-listeners.ts";
import { patchedRoutes } from "./envoy-filter/patched-routes.ts";
import { listenerResources } from "./listeners/resources.ts";
import { nameTable } from "./name-table.ts";
import { byName } from "./proto.ts";
import { routeResources } from "./routes/resources.ts";

/**
 * The resources of one type for one proxy. With `names`, only those; endpoints and routes are always asked for by name, and
 * names that mean nothing are left out. Pure: the same view gives the same bytes, and what is equal for several proxies, or before
 * and after a change, is the same object: resources, and the lists of them that proxies share.
 */
export function generateSet(view: ProxyView, typeUrl: string, names?: ReadonlySet<string>): ResourceSet {
  switch (typeUrl) {
    case typeUrls.cluster:
      return pick(patchedClusters(view, clusterResources(view)), names);
    case typeUrls.listener:
      return pick(patchedListeners(view, listenerResources(view)), names);
    case typeUrls.endpoint:
      return names ? endpointResources(view, names) : noResources;
    case typeUrls.route:
      return names ? patchedRoutes(view, routeResources(view, names)) : noResources;
    case typeUrls.extensionConfig:
      return pick(sharedSet(byName(extensionConfigs(view))), names ?? new Set());
    case typeUrls.nameTable:
      return pick(nameTable(view), names);
    default:
      return noResources;
  }
}

/** The same as one list, by name. */
export function generate(view: ProxyView, typeUrl: string, names?: readonly string[]): readonly Resource[] {
  return byName(listOf(generateSet(view, typeUrl, names && new Set(names))));
}

function pick(all: ResourceSet, names: ReadonlySet<string> | undefined): ResourceSet {
  return names === undefined ? all : sharedSet(listOf(all).filter(({ name }) => names.has(name)));
}
