import { portProtocol } from "#model/protocol.ts";
import type { Analyzer } from "../analyzer.ts";
import { isControlPlane, namespaceOf, systemNamespaces } from "../mesh.ts";
import { message } from "../message.ts";

export const portName: Analyzer = {
  name: "service.PortNameAnalyzer",
  description: "names of Service ports say the protocol",
  needs: "cluster",
  analyze: (mesh) =>
    mesh.services
      .filter((service) => !systemNamespaces.has(namespaceOf(service)) && !isControlPlane(service))
      .flatMap((service) =>
        (service.spec?.ports ?? []).flatMap((port, index) => {
          const field = `spec.ports[${index}].name`;
          const external = service.spec?.type === "ExternalName";
          if (portProtocol(port) !== "Unsupported" && !(external && port.name === "tcp")) return [];
          if (external) {
            const text = `"${port.name ?? ""}" of an ExternalName service makes it plain TCP for every address: name it after its protocol, such as https`;
            return [message("ExternalNameServiceTypeInvalidPortName", service, field, text)];
          }
          const text = `"${port.name ?? ""}" (port ${port.port}) doesn't begin with a protocol, as http-web does, so the protocol is guessed. Rename it or set appProtocol`;
          return [message("PortNameIsNotUnderNamingConvention", service, field, text)];
        }),
      ),
};
