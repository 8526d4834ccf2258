import type { Command } from "commander";
import type { Pod, Service } from "kubernetes-types/core/v1.d.ts";
import type { DestinationRule } from "#api/istio/destination-rule.ts";
import type { Gateway } from "#api/istio/gateway.ts";
import type { IstioObject } from "#api/istio/object.ts";
import type { PeerAuthentication } from "#api/istio/peer-authentication.ts";
import type { RequestAuthentication } from "#api/istio/request-authentication.ts";
import type { VirtualService } from "#api/istio/virtual-service.ts";
import type { ResourceType } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { selects } from "#model/labels.ts";
import { type Connection, type ConnectionFlags, connect, withConnectionFlags } from "../../connection.ts";
import { askProxy } from "../../proxy-admin.ts";
import { type ConfigDump } from "../../proxy-config/envoy-dump.ts";
import { resolvePod } from "../../resolve-pod.ts";
import { UsageError } from "../../usage-error.ts";
import { type IngressGateway, ingressLines } from "./ingress.ts";
import { namingIn } from "./naming.ts";
import { peerAuthenticationLines } from "./peer-authentication.ts";
import { hasProxy, podLines } from "./pod.ts";
import { requestAuthenticationLines } from "./request-authentication.ts";
import { type Configuration, serviceLines } from "./service.ts";

interface DescribeFlags extends ConnectionFlags {
  readonly ignoreUnmeshed?: boolean;
}

const rule = "--------------------";

/** `x describe pod|service`: the configuration that a pod or a service comes under. */
export function addDescribeCommand(experimental: Command): void {
  const root = experimental.command("describe").alias("des").description("what configuration something comes under");
  const describe = (name: string, alias: string, argument: string, what: string): Command =>
    withConnectionFlags(root.command(`${name} <${argument}>`).alias(alias).description(what)).option(
      "--ignoreUnmeshed",
      "don't warn of pods without a sidecar",
    );
  describe("pod", "po", "pod", "a pod: its services, their rules, mutual TLS, and where it is exposed").action(
    async (target: string, flags: DescribeFlags) => print(await describePod(target, flags)),
  );
  describe("service", "svc", "service", "a service: the rules for its pods, and where it is exposed").action(
    async (target: string, flags: DescribeFlags) => print(await describeService(target, flags)),
  );
}

function print(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

async function describePod(target: string, flags: DescribeFlags): Promise<readonly string[]> {
  const connection = connect(flags);
  const { client } = connection;
  const { namespace, name } = await resolvePod(connection, target);
  const pod = await client.find<Pod>(resourceTypes.pods, { namespace, name });
  if (!pod) throw new UsageError(`there is no pod ${name} in namespace ${namespace}`);
  const naming = namingIn(namespace);
  const ignore = flags.ignoreUnmeshed ?? false;
  const lines = podLines(pod, naming, ignore);
  const labels = pod.metadata?.labels ?? {};
  const services = (await client.list<Service>(resourceTypes.services, { namespace })).items.filter(
    ({ spec }) => Object.keys(spec?.selector ?? {}).length > 0 && selects(spec?.selector, labels),
  );
  if (services.length === 0 && !ignore) lines.push(`Warning: No Kubernetes Services select pod ${naming(pod)}`);
  if (pod.status?.phase !== "Running" || !hasProxy(pod)) return lines;
  const configuration = await readConfiguration(connection);
  const dump = await dumpOf(connection, pod);
  for (const service of services) {
    lines.push(rule, ...serviceLines(service, pod, [labels], dump, configuration, naming));
  }
  const policies = async <T extends IstioObject>(type: ResourceType): Promise<readonly T[]> => {
    const places = [...new Set([namespace, connection.istioNamespace])];
    const lists = await Promise.all(places.map((of) => client.list<T>(type, { namespace: of })));
    return lists.flatMap(({ items }) => items);
  };
  const workload = { namespace, labels };
  const peers = await policies<PeerAuthentication>(resourceTypes.peerAuthentications);
  const requests = await policies<RequestAuthentication>(resourceTypes.requestAuthentications);
  lines.push(
    rule,
    ...peerAuthenticationLines(peers, workload, connection.istioNamespace),
    ...requestAuthenticationLines(requests, workload, connection.istioNamespace),
  );
  for (const gateway of await ingressGateways(connection)) {
    lines.push(...ingressLines(gateway, services, [labels], configuration, naming));
  }
  return lines;
}

async function describeService(target: string, flags: DescribeFlags): Promise<readonly string[]> {
  const connection = connect(flags);
  const [name = "", namespace = connection.namespace] = target.split(".", 2);
  const service = await connection.client.find<Service>(resourceTypes.services, { namespace, name });
  if (!service) throw new UsageError(`there is no service ${name} in namespace ${namespace}`);
  const naming = namingIn(namespace);
  const selector = service.spec?.selector ?? {};
  const pods =
    Object.keys(selector).length === 0
      ? []
      : (await connection.client.list<Pod>(resourceTypes.pods, { namespace })).items.filter(({ metadata }) =>
          selects(selector, metadata?.labels ?? {}),
        );
  if (pods.length === 0) return [`Service "${naming(service)}" has no pods.`];
  const meshed = pods.filter((pod) => pod.status?.phase === "Running" && hasProxy(pod));
  const [pod] = meshed;
  if (pod === undefined) {
    return [
      `Service "${naming(service)}" has no Istio pods.  (${pods.length} pods in service).`,
      "Use `istioctl kube-inject` or redeploy with Istio automatic sidecar injection.",
    ];
  }
  const labels = meshed.map(({ metadata }) => metadata?.labels ?? {});
  const configuration = await readConfiguration(connection);
  const lines = serviceLines(service, pod, labels, await dumpOf(connection, pod), configuration, naming);
  for (const gateway of await ingressGateways(connection)) {
    lines.push(...ingressLines(gateway, [service], labels, configuration, naming));
  }
  return lines;
}

async function dumpOf(connection: Connection, { metadata }: Pod): Promise<ConfigDump> {
  const target = `${metadata?.name ?? ""}.${metadata?.namespace ?? ""}`;
  return JSON.parse(await askProxy(connection, target, "GET", "config_dump")) as ConfigDump;
}

async function readConfiguration({ client }: Connection): Promise<Configuration> {
  const all = async <T extends IstioObject>(type: ResourceType): Promise<ReadonlyMap<string, T>> => {
    const { items } = await client.list<T>(type, {});
    return new Map(items.map((item) => [`${item.metadata.name}.${item.metadata.namespace}`, item]));
  };
  const [destinationRules, virtualServices, gateways] = await Promise.all([
    all<DestinationRule>(resourceTypes.destinationRules),
    all<VirtualService>(resourceTypes.virtualServices),
    all<Gateway>(resourceTypes.gateways),
  ]);
  return { destinationRules, virtualServices, gateways };
}

/** One of the pods of each ingress gateway. Istio: pods with the label `istio: ingressgateway`. */
async function ingressGateways(connection: Connection): Promise<readonly IngressGateway[]> {
  const { items } = await connection.client.list<Pod>(resourceTypes.pods, {});
  const running = items.filter(
    ({ metadata, status }) => metadata?.labels?.["istio"] === "ingressgateway" && status?.phase === "Running",
  );
  const first = new Map(running.map((pod) => [pod.metadata?.namespace ?? "", pod]));
  return Promise.all(
    [...first].map(async ([namespace, pod]) => {
      const services = (await connection.client.list<Service>(resourceTypes.services, { namespace })).items;
      const labels = pod.metadata?.labels ?? {};
      return {
        pod,
        services: services.filter(
          ({ spec }) => Object.keys(spec?.selector ?? {}).length > 0 && selects(spec?.selector, labels),
        ),
        dump: await dumpOf(connection, pod),
      };
    }),
  );
}
