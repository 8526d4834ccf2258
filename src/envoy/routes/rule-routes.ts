import type { Route } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import type { HTTPMatchRequest } from "#api/istio/virtual-service.ts";
import { ByKey } from "#model/by-key.ts";
import { selects } from "#model/labels.ts";
import { memo } from "#model/memo.ts";
import type { DestinationPolicy } from "#snapshot/destination-rules.ts";
import type { ProxyView } from "#snapshot/proxy-view.ts";
import { meshGateway, type RoutingRule } from "#snapshot/virtual-services.ts";
import { httpRoutes } from "./route.ts";

const meshOnly: ReadonlySet<string> = new Set([meshGateway]);

/** The conditions of a rule that look at who calls. */
const clientMatches = memo((rule: RoutingRule): readonly HTTPMatchRequest[] =>
  (rule.spec.http ?? []).flatMap(({ match = [] }) =>
    match.filter(({ sourceLabels, sourceNamespace }) => sourceLabels || sourceNamespace),
  ),
);

const allClientMatches = memo((rules: readonly RoutingRule[]) => rules.flatMap((rule) => clientMatches(rule)));

/** Proxies of a namespace for which this is the same get the same routes: which of the conditions on labels they meet. */
export function clientKey({ scope, proxy }: ProxyView): string {
  const matches = allClientMatches(scope.rules);
  return matches.map(({ sourceLabels }) => (selects(sourceLabels, proxy.labels) ? "1" : "0")).join("");
}

/** Hosts that a rule sends requests to. */
const destinations = memo((rule: RoutingRule): readonly string[] => {
  const found = (rule.spec.http ?? []).flatMap(({ route = [], mirror, mirrors = [] }) => [
    ...route.map(({ destination }) => destination.host),
    ...(mirror ? [mirror.host] : []),
    ...mirrors.map(({ destination }) => destination.host),
  ]);
  return [...new Set(found)];
});

const nothing: object = {};
const madeFrom = memo((..._objects: readonly object[]) => new ByKey<readonly Route[]>());

/** The routes of a rule for sidecars that call `port`. Unless it looks at clients, made once for the same services and policies. */
export function ruleRoutes(view: ProxyView, rule: RoutingRule, port: number): readonly Route[] {
  const build = (): readonly Route[] =>
    httpRoutes(rule, {
      port,
      gateways: meshOnly,
      proxyLabels: view.proxy.labels,
      proxyNamespace: view.proxy.namespace,
      // Only this port's services tell a destination's port, and then it is this one. Others mean the port that is called.
      lookup: () => undefined,
      serviceOf: (host) => view.scope.byHost.get(host),
      policyOf: (host) => policyOfHost(view, host),
      tls: false,
      mesh: view.mesh,
    });
  if (clientMatches(rule).length > 0) return build();
  const seen = destinations(rule).flatMap((host) => [
    view.scope.byHost.get(host) ?? nothing,
    policyOfHost(view, host) ?? nothing,
  ]);
  return madeFrom(rule, view.mesh, ...seen).get(String(port), build);
}

/** The policy for a destination, also where it is no known service. */
export function policyOfHost(view: ProxyView, host: string): DestinationPolicy | undefined {
  const service = view.scope.byHost.get(host);
  return service && view.scope.policyOf(service);
}
