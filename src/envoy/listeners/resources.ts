import { type Listener, ListenerSchema } from "#api/envoy/gen/envoy/config/listener/v3/listener_pb.js";
import { ByKey } from "#model/by-key.ts";
import { memo, sameList } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { type Endpoint, endpointsKey } from "#model/service.ts";
import type { Egress } from "#snapshot/egress.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import type { Destinations } from "#snapshot/scope.ts";
import type { Resource } from "#xds/resource.ts";
import { type ResourceSet, sharedList, sharedSet, withOwn } from "#xds/resource-set.ts";
import { configPath } from "../clusters/outbound.ts";
import { securityFilters } from "../filters/security-filters.ts";
import { byName, encodeResource } from "../proto.ts";
import { fileSourceOf } from "../tls/secret-reference.ts";
import { gatewayListeners } from "./gateway.ts";
import { type Inbound, openedInbound, virtualInbound } from "./inbound.ts";
import { headlessListeners, isOwn, ownListener, sharedListener, virtualOutbound } from "./outbound.ts";
import { type HeadlessPort, type OutboundPlan, planOutbound } from "./outbound-plan.ts";
import { defaultTcpChain, meshL4Rules, outboundTcpChains } from "./tcp-routes.ts";

function encode(listener: Listener): Resource {
  return encodeResource(listener.name, ListenerSchema, listener);
}

/** Of rules that send connections somewhere nothing is left in the listener that names them. */
function encodeOwn(plan: OutboundPlan, view: ProxyView): Resource {
  const listener = ownListener(plan, view);
  const rules = new Set(plan.parts.flatMap((part) => part.rules));
  const madeFrom = [...rules].map(({ namespace, name }) => configPath("virtual-service", namespace, name));
  return encodeResource(listener.name, ListenerSchema, listener, { madeFrom });
}

const virtualOutboundResource = memo((mesh: MeshConfig) => encode(virtualOutbound(mesh)));

type Mode = ProxyView["proxy"]["interceptionMode"];
const modes: Readonly<Record<Mode, { readonly mode: Mode }>> = {
  REDIRECT: { mode: "REDIRECT" },
  TPROXY: { mode: "TPROXY" },
  NONE: { mode: "NONE" },
};

/** Stands for "none", as memos go by identity. */
const nothing: object = {};

interface Plans {
  readonly shared: readonly OutboundPlan[];
  readonly own: readonly OutboundPlan[];
  readonly headless: readonly HeadlessPort[];
}

const planned = memo((..._madeOf: readonly object[]): { plans?: Plans } => ({}));

/** What is listened to: the same for all proxies of a scope, as long as no service and no rule for connections changes. */
function plansOf(egress: readonly Egress[], mesh: MeshConfig, mode: { readonly mode: Mode }): Plans {
  const madeOf = egress.flatMap(({ listener, services, rules }) => [listener ?? nothing, services, meshL4Rules(rules)]);
  const known = planned(mesh, mode, sameList(madeOf));
  if (known.plans === undefined) {
    const { listeners, headless } = planOutbound(egress, mesh, mode.mode);
    known.plans = {
      shared: listeners.filter((plan) => !isOwn(plan)),
      own: listeners.filter(isOwn),
      headless,
    };
  }
  return known.plans;
}

/** Listeners that services have whoever calls them. */
const shared = memo((plans: Plans, seen: Destinations, mesh: MeshConfig): readonly Resource[] =>
  sharedList(byName([virtualOutboundResource(mesh), ...plans.shared.map((plan) => ofPlan(plan, seen, mesh))])),
);

/** By what they are made of and then by address, so that namespaces share too, and a change leaves the others. */
const encoded = memo((..._parts: object[]) => new ByKey<Resource>());

function ofPlan(plan: OutboundPlan, seen: Destinations, mesh: MeshConfig): Resource {
  const { ip, port, parts, http, dynamic, manner, opensPort } = plan;
  const madeOf = parts.flatMap(({ service }) => [service, seen.policyOf(service) ?? nothing]);
  const ofHttp = http?.manner === "sniffed" ? http.service.hostname : http?.manner;
  const shape = parts.map((part) => `${part.port.port} ${part.port.protocol} ${part.range}`);
  const key = [`${ip}_${port}`, manner, opensPort, dynamic, ofHttp, ...shape].join();
  return encoded(...madeOf, mesh).get(key, () => encode(sharedListener(plan, seen, mesh)));
}

/** Listeners of pods of headless services: the same for all proxies but the pods themselves. */
const ofHeadless = memo(
  (port: HeadlessPort, endpoints: readonly Endpoint[], seen: Destinations, mesh: MeshConfig): readonly Resource[] =>
    headlessListeners(port, endpoints, (at) => [defaultTcpChain(seen, mesh, port.service, port.port, at)], mesh).map(
      encode,
    ),
);

const noEndpoints: readonly Endpoint[] = [];

function headlessResources(view: ProxyView, headless: readonly HeadlessPort[]): Resource[] {
  // The workload reaches itself without its proxy.
  const self = new Set(view.proxy.ips);
  return headless.flatMap((item) => {
    const { service, port, rules } = item;
    const endpoints = view.endpoints.get(endpointsKey(service)) ?? noEndpoints;
    const resources =
      rules.length === 0
        ? ofHeadless(item, endpoints, view.scope.destinations, view.mesh)
        : headlessListeners(item, endpoints, (at) => outboundTcpChains(view, rules, service, port, at), view.mesh).map(
            encode,
          );
    return resources.filter(({ name }) => !self.has(name.slice(0, name.lastIndexOf("_"))));
  });
}

/** What comes in: the same for pods that serve the same, and after a change of anything else. */
const inbound = memo(
  (
    targets: Inbound["targets"],
    mesh: MeshConfig,
    mutualTls: Inbound["mutualTls"],
    security: Inbound["security"],
    files: Inbound["files"],
  ): readonly Resource[] => {
    const { madeFrom } = security;
    const view = { targets, mesh, mutualTls, security, files };
    return [virtualInbound(view), ...openedInbound(view)].map((listener) =>
      encodeResource(listener.name, ListenerSchema, listener, madeFrom.length > 0 ? { madeFrom } : {}),
    );
  },
);

/** All listeners of a proxy. */
export const listenerResources: (view: ProxyView) => ResourceSet = memo((view: ProxyView) => {
  if (view.proxy.type === "router") {
    const resources = gatewayListeners(view).map(({ listener, madeFrom }) =>
      encodeResource(listener.name, ListenerSchema, listener, { madeFrom }),
    );
    return sharedSet(sharedList(byName(resources)));
  }
  const { destinations, egress } = view.scope;
  const mode = modes[view.proxy.interceptionMode];
  const plans = plansOf(egress, view.mesh, mode);
  const mine = [
    ...inbound(view.targets, view.mesh, view.mutualTls, securityFilters(view), fileSourceOf(view.proxy)),
    ...plans.own.map((plan) => encodeOwn(plan, view)),
    ...headlessResources(view, plans.headless),
  ];
  return withOwn(shared(plans, destinations, view.mesh), byName(mine));
});
