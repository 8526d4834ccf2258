import type { VirtualService } from "#api/istio/virtual-service.ts";
import { claimOf } from "#model/claim-route.ts";
import type { Analyzer } from "../analyzer.ts";
import { type Mesh, nameOf, namespaceOf, referenceFrom } from "../mesh.ts";
import { message } from "../message.ts";

export const jwtClaimRoute: Analyzer = {
  name: "virtualservice.JWTClaimRouteAnalyzer",
  description: "routes by token claims have a RequestAuthentication at their gateway",
  needs: "config",
  analyze: (mesh) =>
    mesh.virtualServices.filter(routesByClaim).flatMap((virtualService) =>
      (virtualService.spec?.gateways ?? []).flatMap((reference, index) => {
        if (reference === "mesh" || hasAuthentication(mesh, virtualService, reference)) return [];
        const text = `routes by token claims, but no RequestAuthentication checks tokens at ${reference}`;
        return [message("JwtClaimBasedRoutingWithoutRequestAuthN", virtualService, `spec.gateways[${index}]`, text)];
      }),
    ),
};

function routesByClaim({ spec }: VirtualService): boolean {
  return (spec?.http ?? []).some(({ match }) =>
    (match ?? []).some(({ headers = {}, withoutHeaders = {} }) =>
      [...Object.keys(headers), ...Object.keys(withoutHeaders)].some(claimOf),
    ),
  );
}

/** By labels, as a RequestAuthentication selects pods and the Gateway's selector is what its pods have. */
function hasAuthentication(mesh: Mesh, virtualService: VirtualService, reference: string): boolean {
  const { namespace, name } = referenceFrom(virtualService, reference);
  const gateway = mesh.gateways.find((candidate) => nameOf(candidate) === name && namespaceOf(candidate) === namespace);
  // A gateway that doesn't exist is another analyzer's finding.
  if (!gateway) return true;
  const labels = gateway.spec?.selector ?? {};
  // The pods may be in another namespace than the Gateway.
  const pods = mesh.pods.filter(({ metadata }) =>
    Object.entries(labels).every(([key, value]) => metadata?.labels?.[key] === value),
  );
  const places = new Set([mesh.rootNamespace, ...(pods.length > 0 ? pods.map(namespaceOf) : [namespace])]);
  return mesh.requestAuthentications.some(
    (authentication) =>
      places.has(namespaceOf(authentication)) &&
      // That is for Gateways of the Gateway API, which have routes of their own.
      !authentication.spec?.targetRef &&
      !authentication.spec?.targetRefs?.length &&
      Object.entries(authentication.spec?.selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value),
  );
}
