import { isDeepStrictEqual } from "node:util";
import type { Gateway, Server } from "#api/istio/gateway.ts";
import { hostsOverlap } from "#model/host.ts";
import type { Analyzer } from "../analyzer.ts";
import { type Mesh, selects } from "../mesh.ts";
import { describe, type Message, message } from "../message.ts";

export const conflictingGateways: Analyzer = {
  name: "gateway.ConflictingGatewayAnalyzer",
  description: "two Gateways of one workload don't claim the same hosts of a port",
  needs: "config",
  analyze: (mesh) => mesh.gateways.flatMap((gateway) => check(mesh, gateway)),
};

function check(mesh: Mesh, gateway: Gateway): Message[] {
  const others = mesh.gateways.filter((other) => other !== gateway && shareWorkload(mesh, gateway, other));
  return (gateway.spec?.servers ?? []).flatMap((server, index) => {
    const rivals = others.filter((other) => (other.spec?.servers ?? []).some((rival) => claimTheSame(server, rival)));
    if (rivals.length === 0) return [];
    const text = `port ${server.port?.number} with ${server.hosts?.join(", ")} is also in ${rivals.map(describe).join(", ")}: put them into one, or tell the hosts apart`;
    return [message("ConflictingGateways", gateway, `spec.servers[${index}]`, text)];
  });
}

function shareWorkload(mesh: Mesh, a: Gateway, b: Gateway): boolean {
  if (isDeepStrictEqual(a.spec?.selector, b.spec?.selector)) return true;
  return mesh.pods.some(
    ({ metadata }) => selects(a.spec?.selector, metadata?.labels) && selects(b.spec?.selector, metadata?.labels),
  );
}

function claimTheSame(a: Server, b: Server): boolean {
  if (a.port?.number === undefined || a.port.number !== b.port?.number || a.bind !== b.bind) return false;
  return (a.hosts ?? []).some((host) => (b.hosts ?? []).some((other) => hostsOverlap(nameIn(host), nameIn(other))));
}

/** A server's host without the namespaces that may use it. */
function nameIn(host: string): string {
  return host.slice(host.indexOf("/") + 1);
}
