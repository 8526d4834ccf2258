import type { PeerAuthenticationSpec } from "#api/istio/peer-authentication.ts";
import { ageColumn, type IstioKind } from "./kind.ts";
import type { Report } from "./report.ts";
import { map, object, oneOf, resource, ruled } from "./schema/build.ts";
import { selectorLabels } from "./schema/traffic.ts";
import { schemaKind } from "./schema-kind.ts";
import { checkPolicySelector } from "./workload-selector-rules.ts";

const mutualTls = object(
  {
    mode: oneOf(["UNSET", "DISABLE", "PERMISSIVE", "STRICT"], "What is taken in; UNSET is what the wider policy says."),
  },
  { description: "Mutual TLS of what comes in." },
);

const fields = object(
  {
    selector: object(
      { matchLabels: selectorLabels(4096) },
      { description: "The workloads it is for: all of the namespace unless set, of the mesh in the root namespace." },
    ),
    mtls: mutualTls,
    portLevelMtls: ruled(map(mutualTls, "The same for single ports of the workload.", { minProperties: 1 }), {
      "self.all(key, 0 < int(key) && int(key) <= 65535)": "port must be between 1-65535",
    }),
  },
  { description: "Whether workloads take plain text, mutual TLS, or both." },
);

const spec = ruled(fields, {
  "!has(self.portLevelMtls) || has(self.selector) && has(self.selector.matchLabels) && self.selector.matchLabels.size() > 0":
    "portLevelMtls requires selector",
});

/** Istio: ValidatePeerAuthentication. */
function checkPeerAuthentication({ selector, portLevelMtls }: PeerAuthenticationSpec, report: Report): void {
  checkPolicySelector(selector, "spec.selector", "every workload of the namespace", report);
  if (portLevelMtls === undefined) return;
  const ports = Object.keys(portLevelMtls);
  if (Object.keys(selector?.matchLabels ?? {}).length === 0)
    report.error("spec.portLevelMtls", "needs a selector: ports are those of some workloads");
  for (const port of ports) {
    const number = /^[+-]?\d+$/.test(port) ? Number(port) : Number.NaN;
    if (!(number >= 1 && number <= 65535)) {
      report.error(`spec.portLevelMtls[${JSON.stringify(port)}]`, "is not a port number between 1 and 65535", port);
    }
  }
}

export const peerAuthenticationKind: IstioKind = schemaKind<PeerAuthenticationSpec>(
  {
    kind: "PeerAuthentication",
    plural: "peerauthentications",
    singular: "peerauthentication",
    shortNames: ["pa"],
    group: "security.istio.io",
    versions: ["v1", "v1beta1"].map((name) => ({ name, served: true, storage: name === "v1" })),
    scope: "Namespaced",
    printerColumns: [
      { name: "Mode", type: "string", jsonPath: ".spec.mtls.mode", description: "Mutual TLS mode." },
      ageColumn,
    ],
    schema: resource(spec),
  },
  checkPeerAuthentication,
);
