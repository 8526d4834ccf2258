import { destinationsOf } from "#config/destinations.ts";
import type { Analyzer } from "../analyzer.ts";
import { fullHost } from "../mesh.ts";
import { message } from "../message.ts";

export const subset: Analyzer = {
  name: "virtualservice.DestinationRuleAnalyzer",
  description: "subsets that VirtualServices name are defined by a DestinationRule",
  needs: "config",
  analyze(mesh) {
    const defined = new Set(
      mesh.destinationRules.flatMap((rule) => {
        const host = fullHost(rule.spec?.host ?? "", rule);
        return (rule.spec?.subsets ?? []).map(({ name }) => `${host} ${name}`);
      }),
    );
    return mesh.virtualServices.flatMap((virtualService) =>
      destinationsOf(virtualService).flatMap(({ field, destination }) => {
        if (!destination?.subset || !destination.host) return [];
        if (defined.has(`${fullHost(destination.host, virtualService)} ${destination.subset}`)) return [];
        const text = `"${destination.subset}" of ${destination.host} is defined by no DestinationRule`;
        return [message("ReferencedResourceNotFound", virtualService, `${field}.subset`, text)];
      }),
    );
  },
};
