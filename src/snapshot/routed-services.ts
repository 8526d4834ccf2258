import type { Destination } from "#api/istio/virtual-service.ts";
import { ByKey } from "#model/by-key.ts";
import { memo } from "#model/memo.ts";
import { parseProtocol } from "#model/protocol.ts";
import type { Service } from "#model/service.ts";
import { compareText } from "./config-order.ts";
import { type Egress, withPorts } from "./egress.ts";
import type { RoutingRule } from "./virtual-services.ts";

/** Ports by host that a rule sends to; empty for all ports. */
type Targets = ReadonlyMap<string, ReadonlySet<number>>;

const targetsOf = memo((_rule: RoutingRule) => new ByKey<Targets>());

/**
 * The services that the rules of an egress listener lead to, also where the listener doesn't bring them in: the client's own
 * namespace's first, else that of the first namespace by name. Istio: SidecarScope.collectImportedServices.
 */
export function routedServices(
  { listener, rules }: Egress,
  exported: readonly Service[],
  namespace: string,
): readonly Service[] {
  const byHost = servicesByHost(exported);
  const port = listener?.port?.number ?? 0;
  const onlyPort = port !== 0 && parseProtocol(listener?.port?.protocol ?? "") !== "HTTP_PROXY" ? port : undefined;
  const result: Service[] = [];
  for (const rule of rules) {
    for (const [host, ports] of targetsOf(rule).get(namespace, () => targets(rule, namespace))) {
      const candidates = byHost.get(host) ?? [];
      const service = candidates.find((candidate) => candidate.namespace === namespace) ?? candidates[0];
      const seen =
        service &&
        withPorts(service, (number) =>
          onlyPort === undefined ? ports.size === 0 || ports.has(number) : number === onlyPort,
        );
      if (seen !== undefined) result.push(seen);
    }
  }
  return result;
}

const servicesByHost = memo((services: readonly Service[]) => {
  const byHost = Map.groupBy(services, ({ hostname }) => hostname);
  for (const list of byHost.values()) list.sort((a, b) => compareText(a.namespace, b.namespace));
  return byHost;
});

function targets(rule: RoutingRule, namespace: string): Targets {
  const all = new Map<string, Set<number>>();
  const whole = new Set<string>();
  const add = ({ host, port }: Destination): void => {
    const ports = all.get(host) ?? new Set();
    all.set(host, ports);
    if (port?.number === undefined) whole.add(host);
    else ports.add(port.number);
  };
  const fits = (matches: readonly { readonly sourceNamespace?: string }[] = []): boolean =>
    matches.length === 0 || matches.some(({ sourceNamespace }) => !sourceNamespace || sourceNamespace === namespace);
  for (const { match, route, mirror, mirrors } of rule.spec.http ?? []) {
    if (!fits(match)) continue;
    for (const { destination } of [...(route ?? []), ...(mirrors ?? [])]) add(destination);
    if (mirror) add(mirror);
  }
  for (const { match, route } of [...(rule.spec.tls ?? []), ...(rule.spec.tcp ?? [])]) {
    if (fits(match)) for (const { destination } of route ?? []) add(destination);
  }
  for (const host of whole) all.set(host, new Set());
  return all;
}
