import type { VirtualService } from "#api/istio/virtual-service.ts";
import type { Analyzer } from "../analyzer.ts";
import { exportsTo, type Mesh, nameOf, namespaceOf } from "../mesh.ts";
import { type Message, message } from "../message.ts";

export const delegates: Analyzer = {
  name: "virtualservice.DelegateAnalyzer",
  description: "VirtualServices that routes are delegated to exist and can be used so",
  needs: "config",
  analyze: (mesh) => mesh.virtualServices.flatMap((virtualService) => check(mesh, virtualService)),
};

function check(mesh: Mesh, virtualService: VirtualService): Message[] {
  const own = namespaceOf(virtualService);
  return (virtualService.spec?.http ?? []).flatMap(({ delegate }, index) => {
    if (!delegate) return [];
    const { namespace = own, name = "" } = delegate;
    const found = mesh.virtualServices.find((other) => nameOf(other) === name && namespaceOf(other) === namespace);
    const why = whyNot(found, own);
    if (why === undefined) return [];
    const text = `VirtualService ${namespace}/${name} ${why}: the route is left out`;
    return [message("ReferencedResourceNotFound", virtualService, `spec.http[${index}].delegate`, text)];
  });
}

function whyNot(found: VirtualService | undefined, namespace: string): string | undefined {
  if (found === undefined) return "isn't there";
  if (found.spec?.hosts?.length) return "has hosts, so it is no delegate";
  if (!exportsTo(found.spec?.exportTo, namespaceOf(found), namespace)) return `isn't exported to ${namespace}`;
  return undefined;
}
