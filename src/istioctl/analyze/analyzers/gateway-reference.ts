import type { VirtualService } from "#api/istio/virtual-service.ts";
import { hostsOverlap } from "#model/host.ts";
import type { Analyzer } from "../analyzer.ts";
import { type Mesh, nameOf, namespaceOf, referenceFrom } from "../mesh.ts";
import { type Message, message } from "../message.ts";

export const gatewayReference: Analyzer = {
  name: "virtualservice.GatewayAnalyzer",
  description: "gateways that VirtualServices name exist and serve one of their hosts",
  needs: "config",
  analyze: (mesh) =>
    mesh.virtualServices.flatMap((virtualService) =>
      (virtualService.spec?.gateways ?? []).flatMap((reference, index) =>
        reference === "mesh" ? [] : check(mesh, virtualService, reference, `spec.gateways[${index}]`),
      ),
    ),
};

/** A host of a gateway, and the namespace it takes routes from (`*`: any). */
interface ServedHost {
  readonly namespace: string;
  readonly host: string;
}

function check(mesh: Mesh, virtualService: VirtualService, reference: string, field: string): Message[] {
  const served = servedHosts(mesh, virtualService, reference);
  if (!served)
    return [message("ReferencedResourceNotFound", virtualService, field, `there is no Gateway "${reference}"`)];
  const own = namespaceOf(virtualService);
  const hosts = virtualService.spec?.hosts ?? [];
  const matches = served.some(
    ({ namespace, host }) =>
      (namespace === "*" || namespace === own) && hosts.some((candidate) => hostsOverlap(candidate, host)),
  );
  if (matches) return [];
  const text = `Gateway "${reference}" serves none of ${hosts.join(", ")} for namespace ${own}`;
  return [message("VirtualServiceHostNotFoundInGateway", virtualService, field, text)];
}

/** Undefined when there is no such gateway. */
function servedHosts(mesh: Mesh, virtualService: VirtualService, reference: string): readonly ServedHost[] | undefined {
  const { namespace, name } = referenceFrom(virtualService, reference);
  const isIt = (object: object): boolean => nameOf(object) === name && namespaceOf(object) === namespace;
  const gateway = mesh.gateways.find(isIt);
  if (gateway) {
    return (gateway.spec?.servers ?? []).flatMap(({ hosts }) =>
      (hosts ?? []).map((entry) => {
        const slash = entry.indexOf("/");
        if (slash < 0) return { namespace: "*", host: entry };
        const scope = entry.slice(0, slash);
        return { namespace: scope === "." ? namespace : scope, host: entry.slice(slash + 1) };
      }),
    );
  }
  const listeners = mesh.gatewayApi.kubernetesGateways.get(`${namespace}/${name}`)?.spec.listeners;
  return listeners?.map(({ hostname }) => ({ namespace: "*", host: hostname ?? "*" }));
}
