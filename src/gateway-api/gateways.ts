import { isIP } from "node:net";
import type {
  KubernetesGateway,
  KubernetesGatewayStatus,
  Listener,
  ListenerSet,
  ListenerSetStatus,
  ListenerStatus,
} from "#api/gateway-api/gateway.ts";
import type { Gateway } from "#api/istio/gateway.ts";
import {
  backendCertificateAnnotation,
  gatewayServiceAnnotation,
  parentNamesAnnotation,
} from "#model/route-semantics.ts";
import { type ConditionError, type ConditionState, type Observation, setConditions } from "./conditions.ts";
import { serverCertificate } from "./credentials.ts";
import { customizationsOf } from "./deployment/customizations.ts";
import { gatewayHosts, programmedState, type Reachability, reachability } from "./gateway-address.ts";
import { type ClassInfo, classNamed, eastWestController, meshController } from "./gateway-class.ts";
import type { GatewayApiInput } from "./input.ts";
import { type BuiltListener, buildListener, type ListenerContext } from "./listener.ts";
import { listenerConflicts } from "./listener-conflicts.ts";
import { takesListenersOf } from "./namespace-choice.ts";
import { compareObjects } from "./object-order.ts";
import { type ParentListener, parentListener } from "./parents.ts";
import type { Grants } from "./reference-grants.ts";

/** A Gateway or ListenerSet with its status; the counts of routes in it are filled in when the routes are known. */
export interface WithStatus<T, Status> {
  readonly object: T;
  readonly status: Status;
}

export interface ConvertedGateways {
  readonly gateways: readonly WithStatus<KubernetesGateway, KubernetesGatewayStatus>[];
  readonly listenerSets: readonly WithStatus<ListenerSet, ListenerSetStatus>[];
  /** What routes attach to. */
  readonly listeners: readonly ParentListener[];
  /** One Istio Gateway for every listener that proxies get. */
  readonly istioGateways: readonly Gateway[];
}

interface Parts {
  readonly gateway?: WithStatus<KubernetesGateway, KubernetesGatewayStatus>;
  readonly listenerSets: readonly WithStatus<ListenerSet, ListenerSetStatus>[];
  readonly listeners: readonly { readonly parent: ParentListener; readonly istio: Gateway | undefined }[];
}

const addressTypeAnnotation = "networking.istio.io/address-type";
const hbonePort = 15008;

/** Every Gateway of one of our classes, with its ListenerSets. Istio: GatewayCollection, ListenerSetCollection. */
export function convertGateways(input: GatewayApiInput, grants: Grants): ConvertedGateways {
  const setsByGateway = new Map<string, ListenerSet[]>();
  for (const set of input.listenerSets.values()) {
    const { group = "gateway.networking.k8s.io", kind = "Gateway", name, namespace } = set.spec.parentRef;
    if (group !== "gateway.networking.k8s.io" || kind !== "Gateway") continue;
    const key = `${namespace ?? set.metadata.namespace}/${name}`;
    const sets = setsByGateway.get(key) ?? [];
    setsByGateway.set(key, sets);
    sets.push(set);
  }
  const parts: Parts[] = [];
  for (const [key, gateway] of input.kubernetesGateways) {
    const info = classNamed(gateway.spec.gatewayClassName, input);
    if (info === undefined) continue;
    const sets = (setsByGateway.get(key) ?? []).sort(compareObjects);
    parts.push(convertGateway(gateway, sets, info, input, grants));
  }
  const listeners = parts.flatMap((part) => part.listeners);
  return {
    gateways: parts.flatMap(({ gateway }) => gateway ?? []),
    listenerSets: parts.flatMap(({ listenerSets }) => listenerSets),
    listeners: listeners.map(({ parent }) => parent),
    istioGateways: listeners.flatMap(({ istio }) => istio ?? []),
  };
}

function convertGateway(
  gateway: KubernetesGateway,
  sets: readonly ListenerSet[],
  info: ClassInfo,
  input: GatewayApiInput,
  grants: Grants,
): Parts {
  const { namespace = "", generation } = gateway.metadata;
  const observation: Observation = { generation, now: input.now };
  if (!info.isProgrammed)
    return {
      gateway: { object: gateway, status: remoteStatus(gateway, observation) },
      listenerSets: [],
      listeners: [],
    };
  const { hosts, error } = gatewayHosts(gateway, info, input.clusterDomain);
  if (hosts.length === 0 && error !== undefined) return unusable(gateway, sets, info, error, input);

  const refusals = new Map(sets.map((set) => [set, refusal(set, gateway, info, input)]));
  const eligible = sets.filter((set) => refusals.get(set) === undefined);
  const entries = new Map(eligible.map((set) => [set, listenersOf(set)]));
  const own = gateway.spec.listeners ?? [];
  const conflicts = listenerConflicts([...own, ...eligible.flatMap((set) => entries.get(set) ?? [])]);
  const build = (listener: Listener, object: KubernetesGateway | ListenerSet): BuiltListener => {
    const context = listenerContext(object, gateway, info, input, grants);
    const before = object.status?.listeners?.find(({ name }) => name === listener.name);
    return buildListener(listener, context, before, conflicts.get(listener));
  };
  const built = own.map((listener) => build(listener, gateway));
  const builtSets = eligible.map((set) => ({
    set,
    built: (entries.get(set) ?? []).map((listener) => build(listener, set)),
  }));
  const reach = (listeners: readonly BuiltListener[]): Reachability =>
    reachability(
      namespace,
      hosts,
      listeners.map(({ server }) => server),
      input.servicesNamed,
    );

  const setStatuses = builtSets.map(({ set, built: listeners }) => ({
    object: set,
    status: listenerSetStatus(set, listeners, programmedState(hosts, reach(listeners)), error, input.now),
  }));
  const attached = setStatuses.filter(({ status }) => isAccepted(status)).length;
  const reached = reach([...built, ...builtSets.flatMap((one) => one.built)]);
  const certificate = backendCertificate(gateway, input, grants);
  const states: Record<string, ConditionState> = {
    Accepted: { reason: "Accepted", message: "Resource accepted", error: error ?? parametersError(gateway, input) },
    Programmed: programmedState(hosts, reached),
    ResolvedRefs: {
      reason: "ResolvedRefs",
      message: "All references resolved",
      error: certificate.error,
    },
  };
  const status: KubernetesGatewayStatus = {
    ...addressesOf(gateway, info, reached),
    ...(attached > 0 ? { attachedListenerSets: attached } : {}),
    conditions: setConditions(gateway.status?.conditions, states, observation),
    listeners: built.map((one) => one.status),
  };
  return {
    gateway: { object: gateway, status },
    listenerSets: [
      ...setStatuses,
      ...sets.flatMap((set) => {
        const why = refusals.get(set);
        return why ? { object: set, status: refusedSet(set, why, why, input.now) } : [];
      }),
    ],
    listeners: [{ object: gateway, built }, ...builtSets.map((one) => ({ object: one.set, built: one.built }))].flatMap(
      ({ object, built: listeners }) =>
        listeners
          .filter(({ listener }) => isForRoutes(listener, info))
          .map((one) => {
            const istio = istioGateway(object, one, hosts, certificate.name);
            const parent = parentListener(object, one, istio.metadata.name ?? "");
            return { parent, istio: one.isValid ? istio : undefined };
          }),
    ),
  };
}

/** Listeners of ambient mode's own protocol take no routes. */
function isForRoutes({ port }: Listener, { controller }: ClassInfo): boolean {
  return controller !== meshController && !(controller === eastWestController && port === hbonePort);
}

function listenerContext(
  object: KubernetesGateway | ListenerSet,
  gateway: KubernetesGateway,
  { controller }: ClassInfo,
  input: GatewayApiInput,
  grants: Grants,
): ListenerContext {
  const { namespace = "", labels = {}, generation } = object.metadata;
  return {
    input,
    grants,
    controller,
    gateway: gateway.spec,
    owner: { kind: object.kind, namespace, labels },
    observation: { generation, now: input.now },
  };
}

const defaultPorts: Readonly<Record<string, number>> = { HTTP: 80, HTTPS: 443 };

function listenersOf({ spec }: ListenerSet): readonly Listener[] {
  return (spec.listeners ?? []).map((entry) => ({
    ...entry,
    port: entry.port || (defaultPorts[entry.protocol] ?? 0),
  }));
}

function istioGateway(
  { kind, metadata }: KubernetesGateway | ListenerSet,
  { listener, server }: BuiltListener,
  hosts: readonly string[],
  certificate: string | undefined,
): Gateway {
  const { name, namespace = "", creationTimestamp, uid } = metadata;
  const made = kind === "ListenerSet" ? "istio-autogenerated-k8s-listenerset" : "istio-autogenerated-k8s-gateway";
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Gateway",
    metadata: {
      name: `${name}~${made}~${listener.name}`,
      namespace,
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(uid === undefined ? {} : { uid }),
      annotations: {
        [gatewayServiceAnnotation]: hosts.join(","),
        [parentNamesAnnotation]: `${kind}/${name}/${listener.name}.${namespace}`,
        ...(certificate === undefined ? {} : { [backendCertificateAnnotation]: certificate }),
      },
    },
    spec: { servers: [server] },
  };
}

/** Addresses from outside, else those from inside that the class reports. What was reported once stays until there is another. */
function addressesOf(
  { metadata, status }: KubernetesGateway,
  info: ClassInfo,
  reached: Reachability,
): Pick<KubernetesGatewayStatus, "addresses"> {
  const wanted = metadata.annotations?.[addressTypeAnnotation] ?? info.addressType;
  const names = reached.internal.map((place) => place.slice(0, place.lastIndexOf(":")));
  const inside = [
    ...(wanted === "Hostname" ? [] : reached.internalAddresses),
    ...(wanted === "IPAddress" ? [] : names.filter((name) => !reached.pending.includes(name))),
  ];
  const values = reached.external.length > 0 ? reached.external : [...new Set(inside)];
  if (values.length === 0) return status?.addresses ? { addresses: status.addresses } : {};
  return { addresses: values.map((value) => ({ type: isIP(value) === 0 ? "Hostname" : "IPAddress", value })) };
}

/** The certificate that the Gateway shows to backends, if it has one. Gateway API: GatewayReasonInvalidClientCertificateRef. */
function backendCertificate(
  { spec, metadata }: KubernetesGateway,
  input: GatewayApiInput,
  grants: Grants,
): { readonly name?: string; readonly error?: ConditionError } {
  const reference = spec.tls?.backend?.clientCertificateRef;
  if (reference === undefined) return {};
  const user = { kind: "Gateway", namespace: metadata.namespace ?? "" };
  const found = serverCertificate(reference, user, input, grants);
  if ("name" in found) return found;
  const { reason, message } = found.error;
  return { error: { reason: reason === "RefNotPermitted" ? reason : "InvalidClientCertificateRef", message } };
}

function parametersError(gateway: KubernetesGateway, { configMaps, rootNamespace }: GatewayApiInput) {
  const found = customizationsOf(gateway, configMaps, rootNamespace);
  return "error" in found ? found.error : undefined;
}

function remoteStatus({ spec, status }: KubernetesGateway, observation: Observation): KubernetesGatewayStatus {
  const states = {
    Accepted: { reason: "Accepted", message: "Resource accepted" },
    Programmed: { reason: "Programmed", message: "This Gateway is remote; Istio will not program it" },
  };
  return {
    addresses: (spec.addresses ?? []).map(({ type = "IPAddress", value = "" }) => ({ type, value })),
    conditions: setConditions(status?.conditions, states, observation),
  };
}

/** A Gateway none of whose addresses can be used: nothing is made of it nor of its ListenerSets. */
function unusable(
  gateway: KubernetesGateway,
  sets: readonly ListenerSet[],
  info: ClassInfo,
  error: ConditionError,
  input: GatewayApiInput,
): Parts {
  const programmed = { reason: error.reason, message: "Failed to assign to any requested addresses" };
  const states = {
    Accepted: { reason: "Accepted", message: "Resource accepted", error },
    Programmed: { reason: "Programmed", message: "Resource programmed", error: programmed },
    ResolvedRefs: { reason: "ResolvedRefs", message: "All references resolved" },
  };
  const observation = { generation: gateway.metadata.generation, now: input.now };
  const parentError = { reason: error.reason, message: `Parent not accepted: ${error.message}` };
  return {
    gateway: {
      object: gateway,
      status: { conditions: setConditions(gateway.status?.conditions, states, observation), listeners: [] },
    },
    listenerSets: sets.map((object) => {
      const why = refusal(object, gateway, info, input);
      return { object, status: refusedSet(object, why ?? parentError, why ?? programmed, input.now) };
    }),
    listeners: [],
  };
}

/** The listeners of all ListenerSets that a Gateway takes. */
export function attachedListeners(
  gateway: KubernetesGateway,
  listenerSets: GatewayApiInput["listenerSets"],
  info: ClassInfo,
  namespaces: GatewayApiInput["namespaces"],
): readonly Listener[] {
  const { name, namespace } = gateway.metadata;
  return [...listenerSets.values()]
    .filter(({ metadata, spec }) => {
      const { kind = "Gateway", namespace: place = metadata.namespace } = spec.parentRef;
      return kind === "Gateway" && place === namespace && spec.parentRef.name === name;
    })
    .filter((set) => refusal(set, gateway, info, { namespaces }) === undefined)
    .sort(compareObjects)
    .flatMap(listenersOf);
}

/** Why a Gateway doesn't take a ListenerSet. */
function refusal(
  { metadata }: ListenerSet,
  gateway: KubernetesGateway,
  info: ClassInfo,
  { namespaces }: Pick<GatewayApiInput, "namespaces">,
): ConditionError | undefined {
  if (!info.takesListenerSets) {
    const message = `The "${gateway.spec.gatewayClassName}" GatewayClass does not support ListenerSet`;
    return { reason: "NotAllowed", message };
  }
  const choice = gateway.spec.allowedListeners?.namespaces;
  if (takesListenersOf(metadata.namespace ?? "", choice, gateway.metadata.namespace ?? "", namespaces))
    return undefined;
  const message = "The parent Gateway does not allow this reference; check the 'spec.allowedListeners'";
  return { reason: "NotAllowed", message };
}

function refusedSet(
  { metadata, status }: ListenerSet,
  accepted: ConditionError,
  programmed: ConditionError,
  now: string,
): ListenerSetStatus {
  const states = {
    Accepted: { reason: "Accepted", message: "Resource accepted", error: accepted },
    Programmed: { reason: "Programmed", message: "Resource programmed", error: programmed },
  };
  return { conditions: setConditions(status?.conditions, states, { generation: metadata.generation, now }) };
}

function listenerSetStatus(
  { metadata, status }: ListenerSet,
  listeners: readonly BuiltListener[],
  programmed: ConditionState,
  parentError: ConditionError | undefined,
  now: string,
): ListenerSetStatus {
  const message = "None of the ListenerSet's listeners are valid";
  const none = listeners.every((one) => !isAccepted(one.status)) ? { reason: "ListenersNotValid", message } : undefined;
  const parent = parentError && { ...parentError, message: `Parent not accepted: ${parentError.message}` };
  const states = {
    Accepted: { reason: "Accepted", message: "Resource accepted", error: none ?? parent },
    Programmed: none ? { ...programmed, error: none } : programmed,
  };
  return {
    conditions: setConditions(status?.conditions, states, { generation: metadata.generation, now }),
    listeners: listeners.map((one) => one.status),
  };
}

function isAccepted({ conditions = [] }: Pick<ListenerSetStatus | ListenerStatus, "conditions">): boolean {
  return conditions.some(({ type, status }) => type === "Accepted" && status === "True");
}
