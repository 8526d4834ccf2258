import type { ProxyConfigSpec } from "#api/istio/proxy-config.ts";
import type { IstioKind } from "./kind.ts";
import type { Report } from "./report.ts";
import { integer, map, object, resource, text } from "./schema/build.ts";
import { selectorLabels } from "./schema/traffic.ts";
import { schemaKind } from "./schema-kind.ts";
import { checkPolicySelector } from "./workload-selector-rules.ts";

const spec = object(
  {
    selector: object(
      { matchLabels: selectorLabels(4096) },
      { description: "The workloads whose proxies are set: all of the namespace unless set." },
    ),
    concurrency: integer("Worker threads of the proxy; 0 is one for each core.", { minimum: 0, maximum: 2147483647 }),
    environmentVariables: map(text(undefined, { maxLength: 2048 }), "Environment of the proxy."),
    image: object(
      { imageType: text("Kind of the image, such as `distroless`.") },
      { description: "The proxy's image." },
    ),
  },
  { description: "Settings of some workloads' proxies. They take effect on pods that are made afterwards." },
);

function checkProxyConfig({ selector, environmentVariables }: ProxyConfigSpec, report: Report): void {
  checkPolicySelector(selector, "spec.selector", "every workload of the namespace", report);
  for (const name of Object.keys(environmentVariables ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name))
      report.error(`spec.environmentVariables[${JSON.stringify(name)}]`, "isn't the name of an environment variable");
  }
}

export const proxyConfigKind: IstioKind = schemaKind<ProxyConfigSpec>(
  {
    kind: "ProxyConfig",
    plural: "proxyconfigs",
    singular: "proxyconfig",
    shortNames: [],
    group: "networking.istio.io",
    versions: [{ name: "v1beta1", served: true, storage: true }],
    scope: "Namespaced",
    printerColumns: [],
    schema: resource(spec),
  },
  checkProxyConfig,
);
