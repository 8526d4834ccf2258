import type { VirtualService } from "#api/istio/virtual-service.ts";
import { destinationsOf, type LocatedDestination } from "#config/destinations.ts";
import { isSubsetOf } from "#model/host.ts";
import type { Analyzer } from "../analyzer.ts";
import { exportsTo, fullHost, hostOfService, type Mesh, namespaceOf } from "../mesh.ts";
import { type Message, message } from "../message.ts";

/** A host that requests can be sent to, and where it is seen. */
interface KnownHost {
  readonly host: string;
  readonly namespace: string;
  readonly exportTo: readonly string[] | undefined;
  readonly ports: readonly number[];
}

export const destinationHost: Analyzer = {
  name: "virtualservice.DestinationHostAnalyzer",
  description: "destinations of VirtualServices exist and have the port",
  needs: "cluster",
  analyze(mesh) {
    const hosts = knownHosts(mesh);
    return mesh.virtualServices.flatMap((virtualService) =>
      destinationsOf(virtualService).flatMap((located) => check(virtualService, located, hosts)),
    );
  },
};

function knownHosts(mesh: Mesh): KnownHost[] {
  const services = mesh.services.map((service): KnownHost => {
    const annotation = service.metadata?.annotations?.["networking.istio.io/exportTo"];
    return {
      host: hostOfService(service),
      namespace: namespaceOf(service),
      exportTo: annotation?.split(",").map((entry) => entry.trim()),
      ports: (service.spec?.ports ?? []).map(({ port }) => port),
    };
  });
  const entries = mesh.serviceEntries.flatMap((entry) =>
    (entry.spec?.hosts ?? []).map(
      (host): KnownHost => ({
        host,
        namespace: namespaceOf(entry),
        exportTo: entry.spec?.exportTo,
        ports: (entry.spec?.ports ?? []).flatMap(({ number }) => (number === undefined ? [] : [number])),
      }),
    ),
  );
  return [...services, ...entries];
}

function check(
  virtualService: VirtualService,
  { field, destination }: LocatedDestination,
  hosts: readonly KnownHost[],
): Message[] {
  const text = destination?.host ?? "";
  const host = fullHost(text, virtualService);
  const viewers = viewersOf(virtualService);
  const named = hosts.filter((known) => isSubsetOf(host, known.host));
  const seen = named.filter(({ exportTo, namespace }) =>
    viewers.every((viewer) => exportsTo(exportTo, namespace, viewer)),
  );
  if (seen.length === 0) {
    const why =
      named.length > 0
        ? `exists but isn't exported to ${viewers.join(", ")}, where this VirtualService applies`
        : "is neither a service nor a host of a ServiceEntry";
    return [message("ReferencedResourceNotFound", virtualService, `${field}.host`, `"${text}" ${why}`)];
  }
  const port = destination?.port?.number;
  const offered = [...new Set(seen.flatMap(({ ports }) => ports))];
  if (port === undefined) {
    if (seen.some(({ ports }) => ports.length <= 1)) return [];
    const why = `must say a port, because ${text} has ${offered.join(", ")}`;
    return [message("VirtualServiceDestinationPortSelectorRequired", virtualService, field, why)];
  }
  if (offered.includes(port)) return [];
  const why = `${text} has no port ${port}, only ${offered.join(", ")}`;
  return [message("ReferencedResourceNotFound", virtualService, `${field}.port.number`, why)];
}

/** The namespaces whose proxies use the VirtualService, as far as it names them; else its own. */
function viewersOf(virtualService: VirtualService): string[] {
  const named = (virtualService.spec?.exportTo ?? []).filter((entry) => entry !== "*" && entry !== ".");
  return named.length > 0 ? named : [namespaceOf(virtualService)];
}
