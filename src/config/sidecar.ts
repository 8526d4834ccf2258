import type { SidecarSpec } from "#api/istio/sidecar.ts";
import { connectionPool } from "./destination-rule.ts";
import { serverTls } from "./gateway.ts";
import type { IstioKind } from "./kind.ts";
import { list, object, oneOf, resource, text } from "./schema/build.ts";
import { destination, unsigned } from "./schema/traffic.ts";
import { workloadSelector } from "./schema/workload.ts";
import { schemaKind } from "./schema-kind.ts";
import { checkSidecar } from "./sidecar-rules.ts";

const port = object({ number: unsigned(), protocol: text(), name: text(), targetPort: unsigned("Not used.") });
const captureMode = oneOf(["DEFAULT", "IPTABLES", "NONE"], "Whether traffic is redirected to the listener.");

const spec = object(
  {
    workloadSelector,
    ingress: list(
      object(
        {
          port,
          bind: text("Address to listen on."),
          captureMode,
          defaultEndpoint: text("Where the application listens: 127.0.0.1:PORT, 0.0.0.0:PORT or unix://PATH."),
          tls: serverTls,
          connectionPool,
        },
        { required: ["port"] },
      ),
      "What the workload takes in; found out from its services unless set.",
    ),
    egress: list(
      object(
        {
          port,
          bind: text("Address to listen on, or unix:// and a path."),
          captureMode,
          hosts: list(text(), "Services that may be called, as namespace/host."),
        },
        { required: ["hosts"] },
      ),
      "What the workload may call; every service that it can see unless set.",
    ),
    inboundConnectionPool: connectionPool,
    outboundTrafficPolicy: object(
      { mode: oneOf(["REGISTRY_ONLY", "ALLOW_ANY"]), egressProxy: destination },
      { description: "What happens to calls of hosts that no service has." },
    ),
  },
  { description: "What the sidecars of some workloads see and accept." },
);

export const sidecarKind: IstioKind = schemaKind<SidecarSpec>(
  {
    kind: "Sidecar",
    plural: "sidecars",
    singular: "sidecar",
    shortNames: [],
    group: "networking.istio.io",
    versions: ["v1", "v1beta1", "v1alpha3"].map((name) => ({ name, served: true, storage: name === "v1" })),
    scope: "Namespaced",
    printerColumns: [],
    schema: resource(spec),
  },
  checkSidecar,
);
