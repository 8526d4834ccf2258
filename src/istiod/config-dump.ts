import type { AdsServer } from "#xds/ads-server.ts";
import { pushOrder, shortTypeName } from "#xds/resource.ts";
import { listOf } from "#xds/resource-set.ts";
import { isProxy } from "./sync-status.ts";
import type { ProxyClient } from "./xds-clients.ts";

/**
 * What istiod gives a proxy now, type by type, as JSON. `proxyId` is `POD.NAMESPACE`; `types` keeps only these (`cds,lds`).
 * Undefined when no such proxy is connected.
 */
export async function configDump(
  ads: AdsServer,
  proxyId: string,
  types: string,
  version: string,
): Promise<object | undefined> {
  const connection = [...ads.connections()].find(({ stream }) => stream.client?.id === proxyId && isProxy(stream));
  const client = connection?.stream.client as ProxyClient | undefined;
  if (!connection || !client) return undefined;
  const wanted = new Set(types.split(",").filter((type) => type !== ""));
  const view = client.view();
  // Envoy's types are many; who doesn't ask for a dump doesn't pay for the codec.
  const { decodeResource } = await import("./decode-resource.ts");
  const configs: object[] = [];
  for (const typeUrl of pushOrder) {
    const subscription = connection.stream.subscriptions.get(typeUrl);
    if (!subscription || (wanted.size > 0 && !wanted.has(shortTypeName(typeUrl)))) continue;
    const resources = subscription.wildcard ? view.generate(typeUrl) : view.generate(typeUrl, subscription.names);
    for (const resource of listOf(resources)) {
      const state = subscription.held.get(resource.name) === resource.version ? "SENT" : "NOT SENT";
      configs.push({
        typeUrl,
        name: resource.name,
        version: resource.version,
        state,
        config: decodeResource(resource),
      });
    }
  }
  return { proxy: proxyId, istioVersion: version, viewVersion: view.version, configs };
}
