import type { KubernetesGateway } from "#api/gateway-api/gateway.ts";
import type { Server } from "#api/istio/gateway.ts";
import type { ConditionError, ConditionState } from "./conditions.ts";
import { joinWords } from "./conditions.ts";
import type { ClassInfo } from "./gateway-class.ts";
import type { GatewayApiInput } from "./input.ts";

const nameOverride = "gateway.istio.io/name-override";
const serviceTypeAnnotation = "networking.istio.io/service-type";

/** The name of what is deployed for a Gateway. Istio: GetDefaultName. */
export function deployedName({ metadata, spec }: KubernetesGateway, { hasNameSuffix }: ClassInfo): string {
  const given = metadata.annotations?.[nameOverride];
  return given || (hasNameSuffix ? `${metadata.name}-${spec.gatewayClassName}` : (metadata.name ?? ""));
}

/** Whether istiod deploys the Gateway: it names no service that is there already. Istio: IsManaged. */
export function isManaged({ spec }: KubernetesGateway): boolean {
  const [address, ...more] = spec.addresses ?? [];
  if (address === undefined) return true;
  return more.length === 0 && (address.type === undefined || address.type === "IPAddress");
}

/** Hostnames of the services whose proxies serve the Gateway, and addresses that can't be used. Istio: extractGatewayServices. */
export function gatewayHosts(
  gateway: KubernetesGateway,
  info: ClassInfo,
  clusterDomain: string,
): { readonly hosts: readonly string[]; readonly error?: ConditionError } {
  const namespace = gateway.metadata.namespace ?? "";
  const full = (name: string): string => `${name}.${namespace}.svc.${clusterDomain}`;
  if (isManaged(gateway)) return { hosts: [full(deployedName(gateway, info))] };
  const addresses = gateway.spec.addresses ?? [];
  const isHost = ({ type = "Hostname" }: { readonly type?: string }): boolean => type === "Hostname";
  const hosts = addresses.filter(isHost).map(({ value = "" }) => (value.includes(".") ? value : full(value)));
  const skipped = addresses.filter((address) => !isHost(address)).map(({ value }) => value);
  if (skipped.length > 0) {
    const message = `only Hostname is supported, ignoring [${skipped.join(" ")}]`;
    return { hosts, error: { reason: "UnsupportedAddress", message } };
  }
  if (gateway.metadata.annotations?.[serviceTypeAnnotation] !== undefined) {
    const message = `annotation ${serviceTypeAnnotation} is deprecated, use Spec.Infrastructure.Routeability`;
    return { hosts, error: { reason: "DeprecatedField", message } };
  }
  return { hosts };
}

/** Where a Gateway can be reached. */
export interface Reachability {
  /** `host:port` of services that have endpoints for the port, sorted. */
  readonly internal: readonly string[];
  readonly internalAddresses: readonly string[];
  readonly external: readonly string[];
  /** Load balancers that have no address yet. */
  readonly pending: readonly string[];
  readonly warnings: readonly string[];
  readonly isUsable: boolean;
}

/** Istio: ResolveGatewayInstances. */
export function reachability(
  namespace: string,
  hosts: readonly string[],
  servers: readonly Server[],
  servicesNamed: GatewayApiInput["servicesNamed"],
): Reachability {
  const ports = new Set(servers.map(({ port }) => port?.number ?? 0));
  const internal = new Set<string>();
  const internalAddresses = new Set<string>();
  const external = new Set<string>();
  const pending = new Set<string>();
  const warnings = new Set<string>();
  let isUsable = true;
  for (const host of hosts) {
    const services = servicesNamed(host);
    const service = services.find((candidate) => candidate.namespace === namespace);
    if (service === undefined) {
      isUsable = false;
      warnings.add(notFound(host, namespace, services.map((other) => `"${other.namespace}"`).sort()));
      continue;
    }
    for (const port of ports) {
      if (service.endpoints.some((endpoint) => endpoint.port === port)) {
        internal.add(`${host}:${port}`);
        for (const address of service.addresses) internalAddresses.add(address);
        for (const address of service.external) external.add(address);
        if (service.external.length === 0 && service.isLoadBalancer) {
          pending.add(host);
          warnings.add(`address pending for hostname "${host}"`);
        }
      } else if (service.endpoints.length === 0) warnings.add(`no instances found for hostname "${host}"`);
      else {
        const meant = service.endpoints.filter(({ targetPort }) => targetPort === port);
        // The endpoints of a Service that istiod made come a little later than the Service.
        if (meant.length === 0 && service.isManaged && service.ports.includes(port)) continue;
        isUsable = false;
        const numbers = [...new Set(meant.map((endpoint) => endpoint.port))].sort((a, b) => a - b);
        const hint =
          meant.length === 0
            ? ""
            : ` (hint: the service port should be specified, not the workload port. Did you mean one of these ports: [${numbers.join(" ")}]?)`;
        warnings.add(`port ${port} not found for hostname "${host}"${hint}`);
      }
    }
  }
  return {
    internal: [...internal].sort(),
    internalAddresses: [...internalAddresses].sort(),
    external: [...external].sort(),
    pending: [...pending],
    warnings: [...warnings].sort(),
    isUsable,
  };
}

function notFound(host: string, namespace: string, others: readonly string[]): string {
  if (others.length === 0) return `hostname "${host}" not found`;
  return `hostname "${host}" not found in namespace "${namespace}", but it was found in namespace(s) ${others.join(", ")}`;
}

/** The condition `Programmed` of what is served at `hosts`. Istio: setProgrammedCondition. */
export function programmedState(hosts: readonly string[], reached: Reachability): ConditionState {
  const { internal, warnings, isUsable } = reached;
  const places = joinWords(internal);
  const state = {
    reason: "Programmed",
    message: internal.length > 0 ? `Resource programmed, assigned to service(s) ${places}` : "Resource programmed",
  };
  if (hosts.length === 0)
    return {
      ...state,
      error: { reason: "UnsupportedAddress", message: "Failed to assign to any requested addresses" },
    };
  if (warnings.length === 0) return state;
  const why = warnings.join("; ");
  return {
    ...state,
    error: {
      reason: isUsable ? "AddressNotAssigned" : "AddressNotUsable",
      message:
        internal.length > 0
          ? `Assigned to service(s) ${places}, but failed to assign to all requested addresses: ${why}`
          : `Failed to assign to any requested addresses: ${why}`,
    },
  };
}
