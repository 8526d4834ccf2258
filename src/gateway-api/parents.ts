import type { KubernetesGateway, ListenerSet, RouteKind } from "#api/gateway-api/gateway.ts";
import type { ParentReference, Route } from "#api/gateway-api/route.ts";
import { hostsOverlap, isSubsetOf, isWildcard } from "#model/host.ts";
import type { ConditionError } from "./conditions.ts";
import { classNamed } from "./gateway-class.ts";
import type { GatewayApiInput } from "./input.ts";
import { type BuiltListener, supportedKinds } from "./listener.ts";

/** A listener as routes see it. */
export interface ParentListener {
  /** `Kind/namespace/name` of the Gateway or ListenerSet it stands in. */
  readonly owner: string;
  /** `namespace/name` of the Istio Gateway made of it. */
  readonly istioGateway: string;
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  /** As it stands in the listener; empty for any. */
  readonly hostname: string;
  /** `namespace/host`. */
  readonly hosts: readonly string[];
  readonly kinds: readonly RouteKind[];
}

export function parentListener(
  { kind, metadata }: KubernetesGateway | ListenerSet,
  { listener, server }: BuiltListener,
  istioName: string,
): ParentListener {
  const { name, namespace } = metadata;
  return {
    owner: `${kind}/${namespace}/${name}`,
    istioGateway: `${namespace}/${istioName}`,
    name: listener.name,
    port: listener.port,
    protocol: listener.protocol,
    hostname: listener.hostname ?? "",
    hosts: server.hosts ?? [],
    kinds: supportedKinds(listener).supported,
  };
}

/** What routes can attach to. */
export interface Parents {
  readonly input: GatewayApiInput;
  readonly listeners: ReadonlyMap<string, readonly ParentListener[]>;
}

export function indexParents(input: GatewayApiInput, listeners: readonly ParentListener[]): Parents {
  const byOwner = new Map<string, ParentListener[]>();
  for (const listener of listeners) {
    const group = byOwner.get(listener.owner) ?? [];
    byOwner.set(listener.owner, group);
    group.push(listener);
  }
  return { input, listeners: byOwner };
}

/** One listener, or a service of the mesh, that a route names; several listeners may come from one reference. */
export interface RouteParent {
  readonly reference: ParentReference;
  /** Why the route isn't attached. */
  readonly denied?: ConditionError | undefined;
  /** The listener; undefined in the mesh. */
  readonly listener?: ParentListener;
  /** Hostnames of other listeners on the same port, which take their requests away from this one. */
  readonly isolated?: readonly string[];
  /** In the mesh: the hosts that the route is for, and their namespace. */
  readonly hosts?: readonly string[];
  readonly namespace?: string;
}

const gatewayGroup = "gateway.networking.k8s.io";

/** Istio: extractParentReferenceInfo. References to what isn't ours are left out. */
export function routeParents(route: Route, kind: string, parents: Parents): readonly RouteParent[] {
  const own = route.metadata.namespace ?? "";
  return (route.spec.parentRefs ?? []).flatMap((reference): RouteParent[] => {
    const { group = gatewayGroup, kind: parentKind = "Gateway", namespace = own, name } = reference;
    if (group === gatewayGroup && (parentKind === "Gateway" || parentKind === "ListenerSet")) {
      const listeners = parents.listeners.get(`${parentKind}/${namespace}/${name}`) ?? [];
      return listeners.map((listener) => ({
        reference,
        listener,
        denied: listenerDenies(listener, reference, kind, route),
        isolated: listeners
          .filter((other) => other !== listener && other.port === listener.port && other.protocol === listener.protocol)
          .map((other) => other.hostname)
          .filter((hostname) => hostname !== listener.hostname),
      }));
    }
    if (group === "" && parentKind === "Service") return serviceParent(reference, namespace, parents.input);
    if (group === "networking.istio.io" && parentKind === "ServiceEntry")
      return serviceEntryParent(reference, namespace, parents.input);
    return [];
  });
}

function serviceParent(reference: ParentReference, namespace: string, input: GatewayApiInput): RouteParent[] {
  const service = input.services.get(`${namespace}/${reference.name}`);
  if (service === undefined)
    return [{ reference, namespace, hosts: [], denied: noParent(`parent service: "${reference.name}" not found`) }];
  if (isForOtherWaypoint(service.metadata?.labels, namespace, input)) return [];
  return [{ reference, namespace, hosts: [`${reference.name}.${namespace}.svc.${input.clusterDomain}`] }];
}

function serviceEntryParent(reference: ParentReference, namespace: string, input: GatewayApiInput): RouteParent[] {
  const entry = input.serviceEntries.get(`${namespace}/${reference.name}`);
  if (entry === undefined)
    return [
      { reference, namespace, hosts: [], denied: noParent(`parent service entry: "${reference.name}" not found`) },
    ];
  if (isForOtherWaypoint(entry.metadata.labels, namespace, input)) return [];
  return [{ reference, namespace, hosts: entry.spec.hosts ?? [] }];
}

/** Whether the routes of a service are some other controller's: its waypoint is a Gateway of a class that isn't ours. */
function isForOtherWaypoint(
  labels: Readonly<Record<string, string>> | undefined,
  namespace: string,
  input: GatewayApiInput,
): boolean {
  const waypoint = labels?.["istio.io/use-waypoint"];
  if (waypoint === undefined || waypoint === "none") return false;
  const place = labels?.["istio.io/use-waypoint-namespace"] ?? namespace;
  const gateway = input.kubernetesGateways.get(`${place}/${waypoint}`);
  return gateway !== undefined && classNamed(gateway.spec.gatewayClassName, input) === undefined;
}

function noParent(message: string): ConditionError {
  return { reason: "NoMatchingParent", message };
}

/** Istio: referenceAllowed. */
function listenerDenies(
  listener: ParentListener,
  { port, sectionName }: ParentReference,
  kind: string,
  { metadata, spec }: Route,
): ConditionError | undefined {
  if (port && port !== listener.port) return noParent(`port ${port} not found`);
  if (sectionName && sectionName !== listener.name) return noParent(`sectionName "${sectionName}" not found`);
  const hostnames = spec.hostnames?.length ? spec.hostnames : ["*"];
  const matching = listener.hosts.filter((entry) =>
    hostnames.some((hostname) => hostsOverlap(entry.slice(entry.indexOf("/") + 1), hostname)),
  );
  if (matching.length === 0)
    return {
      reason: "NoMatchingListenerHostname",
      message: `no hostnames matched parent hostname "${listener.hostname}"`,
    };
  const namespace = metadata.namespace ?? "";
  const isOpen = matching.some((entry) => entry.startsWith("*/") || entry.startsWith(`${namespace}/`));
  if (!isOpen) {
    const message = `hostnames matched parent hostname "${listener.hostname}", but namespace "${namespace}" is not allowed by the parent`;
    return { reason: "NotAllowedByListeners", message };
  }
  const isTaken = listener.kinds.some((one) => one.kind === kind && (one.group ?? gatewayGroup) === gatewayGroup);
  return isTaken ? undefined : { reason: "NotAllowedByListeners", message: `kind ${kind} is not allowed` };
}

/**
 * Whether requests for `host`, a hostname of a route, come to this listener, and not to a more specific one beside it.
 * Istio: hostnameAllowedByIsolation.
 */
export function isReached({ listener, isolated = [] }: RouteParent, host: string): boolean {
  const own = listener?.hostname ?? "";
  if (own !== "" && !isWildcard(own)) return true;
  if (own !== "" && !hostsOverlap(host, own)) return false;
  return !isolated.some((other) => own.length <= other.length && other !== "" && isSubsetOf(host, other));
}
