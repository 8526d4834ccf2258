import type { Listener } from "#api/gateway-api/gateway.ts";

export interface ListenerConflict {
  readonly reason: "ProtocolConflict" | "HostnameConflict";
  /** The listener that has the place. */
  readonly other: Listener;
}

/**
 * Of listeners that share a Gateway, in order of precedence, those that can't stand beside an earlier one. A listener that
 * loses takes no place away from later ones. Istio: ComputeGatewayListenerConflicts.
 */
export function listenerConflicts(listeners: readonly Listener[]): ReadonlyMap<Listener, ListenerConflict> {
  const conflicts = new Map<Listener, ListenerConflict>();
  const accepted = new Map<number, Listener[]>();
  for (const listener of listeners) {
    const others = accepted.get(listener.port) ?? [];
    accepted.set(listener.port, others);
    const prior = others.find((other) => !areDistinct(listener, other));
    if (prior === undefined) others.push(listener);
    else conflicts.set(listener, { reason: reason(listener, prior), other: prior });
  }
  return conflicts;
}

/** Of the same port. With hostnames they may have different protocols, as TLS tells them apart. */
function areDistinct(a: Listener, b: Listener): boolean {
  if (isPlainL4(a) || isPlainL4(b)) return false;
  return (a.hostname || "*") !== (b.hostname || "*");
}

function reason(a: Listener, b: Listener): ListenerConflict["reason"] {
  return a.protocol !== b.protocol || isPlainL4(a) ? "ProtocolConflict" : "HostnameConflict";
}

function isPlainL4({ protocol }: Listener): boolean {
  return protocol === "TCP" || protocol === "UDP";
}
