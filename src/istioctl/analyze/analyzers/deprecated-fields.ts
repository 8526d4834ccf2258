import type { Analyzer } from "../analyzer.ts";
import { message } from "../message.ts";

export const deprecatedFields: Analyzer = {
  name: "deprecation.FieldAnalyzer",
  description: "no field is on its way out",
  needs: "config",
  analyze: (mesh) => [
    ...mesh.virtualServices.flatMap((virtualService) =>
      (virtualService.spec?.http ?? []).flatMap(({ fault }, index) =>
        fault?.delay?.percent === undefined
          ? []
          : [
              message(
                "Deprecated",
                virtualService,
                `spec.http[${index}].fault.delay.percent`,
                "use percentage instead",
              ),
            ],
      ),
    ),
    ...mesh.sidecars.flatMap((sidecar) => {
      if (!sidecar.spec?.outboundTrafficPolicy?.egressProxy) return [];
      const text = "route to an egress gateway with a VirtualService instead";
      return [message("Deprecated", sidecar, "spec.outboundTrafficPolicy.egressProxy", text)];
    }),
  ],
};
