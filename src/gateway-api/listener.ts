import type { KubernetesGatewaySpec, Listener, ListenerStatus, RouteKind } from "#api/gateway-api/gateway.ts";
import type { Server } from "#api/istio/gateway.ts";
import { type ConditionError, type ConditionState, type Observation, setConditions } from "./conditions.ts";
import { eastWestController, meshController } from "./gateway-class.ts";
import type { GatewayApiInput } from "./input.ts";
import type { ListenerConflict } from "./listener-conflicts.ts";
import { listenerTLS } from "./listener-tls.ts";
import { routeNamespaces } from "./namespace-choice.ts";
import type { Grants } from "./reference-grants.ts";

/** What a listener hangs on besides itself. */
export interface ListenerContext {
  readonly input: GatewayApiInput;
  readonly grants: Grants;
  readonly controller: string;
  readonly gateway: KubernetesGatewaySpec;
  /** The Gateway or ListenerSet that the listener stands in. */
  readonly owner: {
    readonly kind: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly observation: Observation;
}

/** A listener as a server of an Istio Gateway, with its status. */
export interface BuiltListener {
  readonly listener: Listener;
  readonly server: Server;
  readonly status: ListenerStatus;
  /** Whether proxies get it. */
  readonly isValid: boolean;
}

const group = "gateway.networking.k8s.io";
const noErrors = "No errors found";
const networkLabel = "topology.istio.io/network";
const gatewayPortLabel = "networking.istio.io/gatewayPort";
const listenerModeOption = "gateway.istio.io/listener-protocol";

/** Istio: buildListener. `before` is the status that the listener has now. */
export function buildListener(
  listener: Listener,
  context: ListenerContext,
  before: ListenerStatus | undefined,
  conflict: ListenerConflict | undefined,
): BuiltListener {
  const { input, owner } = context;
  const { tls, error } = listenerTLS(
    listener,
    context.gateway,
    owner,
    isAutoPassthrough(listener, owner.labels),
    input,
    context.grants,
  );
  const hostname = listener.hostname || "*";
  const namespaces = routeNamespaces(listener.allowedRoutes?.namespaces, owner.namespace, input.namespaces);
  const server: Server = {
    port: { name: "default", number: listener.port, protocol: listener.protocol },
    // Namespace ~ is none: the listener stays, and no route gets to it.
    hosts: namespaces.length > 0 ? namespaces.map((namespace) => `${namespace}/${hostname}`) : [`~/${hostname}`],
    ...(tls ? { tls } : {}),
  };
  const unsupported = protocolError(listener, context.controller);
  const kinds = supportedKinds(listener);
  const states =
    conflict === undefined ? listenerStates(error, unsupported, kinds.areAllKnown) : conflictStates(conflict);
  return {
    listener,
    server,
    status: {
      name: listener.name,
      supportedKinds: kinds.supported,
      attachedRoutes: 0,
      conditions: setConditions(before?.conditions, states, context.observation),
    },
    isValid: conflict === undefined && error === undefined && unsupported === undefined,
  };
}

function listenerStates(
  tls: ConditionError | undefined,
  unsupported: ConditionError | undefined,
  kindsAreKnown: boolean,
): Record<string, ConditionState> {
  const refused = tls && { reason: "NoValidCACertificate", message: tls.message };
  return {
    Accepted: { reason: "Accepted", message: noErrors, error: unsupported ?? refused },
    Conflicted: { reason: "NoConflicts", message: noErrors, status: "False" },
    Programmed: {
      reason: "Programmed",
      message: noErrors,
      error: tls && { reason: "Invalid", message: "Bad TLS configuration" },
    },
    ResolvedRefs: kindsAreKnown
      ? { reason: "ResolvedRefs", message: noErrors, error: tls }
      : { reason: "InvalidRouteKinds", message: "Invalid route kinds", status: "False" },
  };
}

function conflictStates({ reason, other }: ListenerConflict): Record<string, ConditionState> {
  const message = `Listener has a conflict with listener "${other.name}" (port ${other.port}) attached to the same Gateway`;
  return {
    Accepted: { reason, message, status: "False" },
    Conflicted: { reason, message },
    Programmed: { reason, message, status: "False" },
  };
}

/** Passed through by SNI to any service of the mesh: between networks. Istio: IsAutoPassthrough. */
function isAutoPassthrough({ tls, port }: Listener, labels: Readonly<Record<string, string>>): boolean {
  if (tls?.options?.[listenerModeOption] === "auto-passthrough") return true;
  return labels[networkLabel] !== undefined && (labels[gatewayPortLabel] ?? "15443") === String(port);
}

const plainProtocols: ReadonlySet<string> = new Set(["HTTP", "HTTPS", "TLS", "TCP"]);

function protocolError({ port, protocol, tls }: Listener, controller: string): ConditionError | undefined {
  const unsupported = (message: string): ConditionError => ({ reason: "UnsupportedProtocol", message });
  const inAmbient = controller === meshController || controller === eastWestController;
  if (protocol === "HBONE" && !inAmbient)
    return unsupported(`protocol "${protocol}" is only supported for waypoint proxies`);
  if (controller === meshController && (port !== 15008 || protocol !== "HBONE"))
    return unsupported('Expected a single listener on port 15008 with protocol "HBONE"');
  if (controller === eastWestController && !isEastWest(port, protocol, tls?.mode))
    return unsupported(
      'East-west gateway listeners must be either port 15008 with protocol "HBONE" and TLS.Mode == Terminate, or TLS with TLS.Mode == Passthrough',
    );
  if (inAmbient || plainProtocols.has(protocol)) return undefined;
  const upper = protocol.toUpperCase();
  const hint = plainProtocols.has(upper) ? `. hint: "${upper}" (uppercase) may be supported` : "";
  return unsupported(`protocol "${protocol}" is unsupported${hint}`);
}

function isEastWest(port: number, protocol: string, mode: string | undefined): boolean {
  if (protocol === "TLS") return mode === "Passthrough";
  return protocol === "HBONE" && port === 15008 && mode === "Terminate";
}

/** The kinds of routes that a listener takes, and whether it asks for none but those. Istio: GenerateSupportedKinds. */
export function supportedKinds(listener: Listener): {
  readonly supported: readonly RouteKind[];
  readonly areAllKnown: boolean;
} {
  const possible = routeKinds(listener).map((kind) => ({ group, kind }));
  const asked = listener.allowedRoutes?.kinds ?? [];
  if (asked.length === 0) return { supported: possible, areAllKnown: true };
  const supported = possible.filter(({ kind }) =>
    asked.some((one) => one.kind === kind && (one.group ?? group) === group),
  );
  return { supported, areAllKnown: supported.length === asked.length };
}

function routeKinds({ protocol, tls }: Listener): readonly string[] {
  if (protocol === "HTTP" || protocol === "HTTPS") return ["HTTPRoute", "GRPCRoute"];
  if (protocol === "TCP") return ["TCPRoute"];
  if (protocol !== "TLS") return [];
  return tls?.mode === "Terminate" ? ["TLSRoute", "TCPRoute"] : ["TLSRoute"];
}
