import { type Listener, ListenerSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Destinations } from "#snapshot/scope.ts";
import type { RoutingRule } from "#snapshot/virtual-services.ts";
import type { Resource } from "#xds/resource.ts";
import { type ResourceSet, sharedList, sharedSet, withOwn } from "#xds/resource-set.ts";
import { byName, encodeResource } from "../proto.ts";
import { gatewayListeners } from "./gateway.ts";
import { virtualInbound } from "./inbound.ts";
import { type ListenerPlan, ownListeners, sharedPlans as plans, virtualOutbound } from "./outbound.ts";
import { meshL4Rules } from "./tcp-routes.ts";

function encode(listener: Listener): Resource {
  return encodeResource(listener.name, ListenerSchema, listener);
}

const virtualOutboundResource = memo((mesh: MeshConfig) => encode(virtualOutbound(mesh)));

/** Listeners that services have whoever calls them: for all proxies of a namespace. */
const shared = memo((seen: Destinations, l4Rules: readonly RoutingRule[], mesh: MeshConfig): readonly Resource[] =>
  sharedList(byName([virtualOutboundResource(mesh), ...plans(seen, l4Rules, mesh).map((plan) => ofPlan(plan, mesh))])),
);

/** By what they are made of and then by address, so that namespaces share too, and a change leaves the others. */
const encoded = memo((_owner: object, _policy: object, _mesh: MeshConfig) => new Map<string, Resource>());

function ofPlan({ bind, madeOf, build }: ListenerPlan, mesh: MeshConfig): Resource {
  const known = encoded(...madeOf, mesh);
  const resource = known.get(bind) ?? encode(build());
  known.set(bind, resource);
  return resource;
}

/** All listeners of a proxy. */
export const listenerResources: (view: ProxyView) => ResourceSet = memo((view: ProxyView) => {
  if (view.proxy.type === "router") return sharedSet(sharedList(byName(gatewayListeners(view).map(encode))));
  const { destinations, rules } = view.scope;
  const own = [virtualInbound(view), ...ownListeners(view)].map(encode);
  return withOwn(shared(destinations, meshL4Rules(rules), view.mesh), byName(own));
});
