import type { Pod, Service, ServicePort } from "kubernetes-types/core/v1.d.ts";
import type { DestinationRule } from "#api/istio/destination-rule.ts";
import type { Gateway } from "#api/istio/gateway.ts";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import type { Labels } from "#model/labels.ts";
import { portProtocol } from "#model/protocol.ts";
import {
  type ConfigDump,
  chainsOf,
  clustersOf,
  configName,
  listenersOf,
  parseClusterName,
  type Route,
  rbacOf,
  routesOf,
} from "../../proxy-config/envoy-dump.ts";
import { destinationRuleLines } from "./destination-rule.ts";
import type { Naming } from "./naming.ts";
import { subsetsOf } from "./subsets.ts";
import { type Called, virtualServiceLines } from "./virtual-service.ts";

/** The mesh's configuration, by `name.namespace`. */
export interface Configuration {
  readonly destinationRules: ReadonlyMap<string, DestinationRule>;
  readonly virtualServices: ReadonlyMap<string, VirtualService>;
  readonly gateways: ReadonlyMap<string, Gateway>;
}

/**
 * What calls to a service find on their way to the pods, as the proxy whose `dump` it is has it. Istio: describePodServices.
 */
export function serviceLines(
  service: Service,
  pod: Pod,
  pods: readonly Labels[],
  dump: ConfigDump,
  configuration: Configuration,
  name: Naming,
): string[] {
  const ports = (service.spec?.ports ?? []).filter(({ protocol = "TCP" }) => protocol === "TCP");
  const lines = [`Service: ${name(service)}`];
  for (const port of ports) {
    const target = targetOf(port, pod);
    const said = port.name || port.appProtocol ? portProtocol(port) : "auto-detect";
    lines.push(
      target === undefined
        ? `   no container of the pod has a port called ${String(port.targetPort)}`
        : `   Port: ${port.name ?? ""} ${port.port}/${said} targets pod port ${target}`,
    );
  }
  for (const port of ports) {
    const several = ports.length > 1;
    if (several) lines.push(`${port.port}:`);
    const found = ruleLines(service, port.port, pods, dump, configuration, name);
    lines.push(...found.map((line) => (several ? `   ${line}` : line)));
    const policies = rbacPolicies(dump, targetOf(port, pod));
    if (policies.length > 0) lines.push(`${several ? `${port.port} ` : ""}RBAC policies: ${policies.join(", ")}`);
  }
  return lines;
}

/** The DestinationRule and the VirtualService that the proxy has for one port of a service. */
export function ruleLines(
  service: Service,
  port: number,
  pods: readonly Labels[],
  dump: ConfigDump,
  { destinationRules, virtualServices }: Configuration,
  name: Naming,
): string[] {
  const called = { name: service.metadata?.name ?? "", namespace: service.metadata?.namespace ?? "" };
  const lines: string[] = [];
  const policy = destinationRuleName(dump, called, port);
  const rule = destinationRules.get(policy);
  const subsets = subsetsOf(rule, pods);
  if (rule) lines.push(...destinationRuleLines(rule, subsets, name));
  else if (policy) lines.push(stale("destination rule", policy));
  const routing = virtualServiceName(dump, called, port);
  const routes = virtualServices.get(routing);
  if (routes) lines.push(...virtualServiceLines(routes, called, subsets, rule !== undefined, name));
  else if (routing) lines.push(stale("virtual service", routing));
  return lines;
}

function stale(kind: string, name: string): string {
  return `WARNING: Proxy is stale; it references to non-existent ${kind} ${name}`;
}

function targetOf({ port, targetPort = port }: ServicePort, pod: Pod): number | undefined {
  if (typeof targetPort === "number") return targetPort;
  return (pod.spec?.containers ?? []).flatMap(({ ports = [] }) => ports).find((one) => one.name === targetPort)
    ?.containerPort;
}

function isHost(host: string, { name, namespace }: Called): boolean {
  return host.startsWith(`${name}.${namespace}.svc.`);
}

function destinationRuleName(dump: ConfigDump, called: Called, port: number): string {
  const cluster = clustersOf(dump).find((one) => {
    const { direction, port: number, subset, fqdn } = parseClusterName(one.name);
    return direction === "outbound" && number === String(port) && subset === "" && isHost(fqdn, called);
  });
  return configName(cluster?.metadata);
}

/** `name.namespace` of the VirtualService by which the proxy routes to a port of a service; empty for none. */
export function virtualServiceName(dump: ConfigDump, called: Called, port: number): string {
  const routes = routesOf(dump)
    .filter(({ name = "" }) => name === String(port) || /^https?\./.test(name))
    .flatMap(({ virtual_hosts: hosts = [] }) => hosts)
    .flatMap(({ domains = [], routes: list = [] }) =>
      domains.some((domain) => isHost(domain, called)) ? list : list.filter((route) => goesTo(route, called, port)),
    );
  return routes.map(({ metadata }) => configName(metadata)).find((name) => name !== "") ?? "";
}

function goesTo({ route }: Route, called: Called, port: number): boolean {
  const clusters = [route?.cluster ?? "", ...(route?.weighted_clusters?.clusters ?? []).map(({ name }) => name)];
  return clusters.some((cluster) => {
    const { port: number, fqdn } = parseClusterName(cluster);
    return number === String(port) && isHost(fqdn, called);
  });
}

/** Names of the rules that are asked before something reaches the workload's port. */
function rbacPolicies(dump: ConfigDump, port: number | undefined): readonly string[] {
  const chains = listenersOf(dump)
    .filter(({ name }) => name === "virtualInbound")
    .flatMap(chainsOf)
    .filter(({ filter_chain_match: match }) => match?.destination_port === port);
  const names = chains.flatMap(rbacOf).flatMap(({ rules }) => Object.keys(rules?.policies ?? {}));
  return [...new Set(names)].sort();
}
