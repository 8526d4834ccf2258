import type { ServiceEntry } from "#api/istio/service-entry.ts";
import type { Analyzer } from "../analyzer.ts";
import { exportsTo, namespaceOf } from "../mesh.ts";
import { describe, message } from "../message.ts";

export const conflictingServiceEntries: Analyzer = {
  name: "serviceentry.ConflictingServiceEntryProtocolAnalyzer",
  description: "ServiceEntries agree on the protocol of a host's port",
  needs: "config",
  analyze: ({ serviceEntries }) =>
    serviceEntries.flatMap((entry) => {
      const others = serviceEntries.filter((other) => other !== entry && shareViewers(entry, other));
      return (entry.spec?.ports ?? []).flatMap((port, index) => {
        const rivals = others.filter((other) => shareHost(entry, other) && disagrees(other, port));
        if (rivals.length === 0) return [];
        const text = `port ${port.number} has another protocol in ${rivals.map(describe).join(", ")}: only one of them counts`;
        return [message("ConflictingServiceEntryProtocol", entry, `spec.ports[${index}].protocol`, text)];
      });
    }),
};

function shareHost(a: ServiceEntry, b: ServiceEntry): boolean {
  return (a.spec?.hosts ?? []).some((host) => b.spec?.hosts?.includes(host));
}

/** Whether some namespace may see both. */
function shareViewers(a: ServiceEntry, b: ServiceEntry): boolean {
  const viewers = [a, b].flatMap((entry) => [namespaceOf(entry), ...(entry.spec?.exportTo ?? [])]);
  return viewers.some((viewer) => [a, b].every((entry) => exportsTo(entry.spec?.exportTo, namespaceOf(entry), viewer)));
}

function disagrees(other: ServiceEntry, port: { readonly number?: number; readonly protocol?: string }): boolean {
  return (other.spec?.ports ?? []).some(
    ({ number, protocol = "" }) =>
      number === port.number && protocol.toUpperCase() !== (port.protocol ?? "").toUpperCase(),
  );
}
