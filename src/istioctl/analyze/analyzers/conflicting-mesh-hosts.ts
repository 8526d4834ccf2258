import type { VirtualService } from "#api/istio/virtual-service.ts";
import type { Analyzer } from "../analyzer.ts";
import { fullHost, namespaceOf } from "../mesh.ts";
import { describe, type Message, message } from "../message.ts";

export const conflictingMeshHosts: Analyzer = {
  name: "virtualservice.ConflictingMeshGatewayHostsAnalyzer",
  description: "only one VirtualService rules a host inside the mesh",
  needs: "config",
  analyze(mesh) {
    const byHost = new Map<string, VirtualService[]>();
    for (const virtualService of mesh.virtualServices.filter(appliesToMesh)) {
      for (const host of new Set((virtualService.spec?.hosts ?? []).map((name) => fullHost(name, virtualService)))) {
        byHost.set(host, [...(byHost.get(host) ?? []), virtualService]);
      }
    }
    return [...byHost].flatMap(([host, all]) => all.flatMap((one) => conflict(one, host, all)));
  },
};

function appliesToMesh({ spec }: VirtualService): boolean {
  const gateways = spec?.gateways ?? [];
  return gateways.length === 0 || gateways.includes("mesh");
}

/** What is seen in some namespaces only doesn't disturb what is seen in others only. */
function conflict(one: VirtualService, host: string, all: readonly VirtualService[]): Message[] {
  const scopes = scopesOf(one);
  const rivals = all.filter((other) => other !== one && disturbs(scopesOf(other), scopes));
  if (rivals.length === 0) return [];
  const text = `${host} is also ruled by ${rivals.map(describe).join(", ")}: only the oldest counts; put them into one`;
  return [message("ConflictingMeshGatewayVirtualServiceHosts", one, "spec.hosts", text)];
}

/** Where it is seen: namespaces, or `*` alone. */
function scopesOf(virtualService: VirtualService): ReadonlySet<string> {
  const exportTo = virtualService.spec?.exportTo ?? [];
  if (exportTo.length === 0 || exportTo.includes("*")) return new Set(["*"]);
  return new Set(exportTo.map((entry) => (entry === "." ? namespaceOf(virtualService) : entry)));
}

function disturbs(theirs: ReadonlySet<string>, own: ReadonlySet<string>): boolean {
  return theirs.has("*") || [...own].some((scope) => theirs.has(scope));
}
