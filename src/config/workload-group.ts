import type { WorkloadGroupSpec } from "#api/istio/workload-group.ts";
import { ageColumn, type IstioKind } from "./kind.ts";
import { countOf, integer, list, map, object, oneOf, resource, ruled, text } from "./schema/build.ts";
import { port } from "./schema/traffic.ts";
import { workloadTemplate } from "./schema/workload.ts";
import { schemaKind } from "./schema-kind.ts";
import { checkWorkloadGroup } from "./workload-group-rules.ts";

const count = integer(undefined, { minimum: 0 });

const header = object(
  { name: text(undefined, { pattern: "^[-_A-Za-z0-9]+$" }), value: text() },
  { required: ["name"] },
);

const probe = object(
  {
    initialDelaySeconds: count,
    timeoutSeconds: count,
    periodSeconds: count,
    successThreshold: count,
    failureThreshold: count,
    httpGet: object({
      path: text(),
      port: port(),
      host: text(),
      scheme: oneOf(["", "HTTP", "HTTPS"]),
      httpHeaders: list(header),
    }),
    tcpSocket: object({ host: text(), port: port() }),
    exec: object({ command: list(text(undefined, { minLength: 1 })) }),
    grpc: object({ port: port(), service: text() }),
  },
  { description: "How the agent of a workload finds out whether it takes traffic." },
);

const spec = object(
  {
    metadata: object(
      {
        labels: map(text(), undefined, { maxProperties: 256 }),
        annotations: map(text(), undefined, { maxProperties: 256 }),
      },
      { description: "Metadata of the entries." },
    ),
    template: workloadTemplate("What the entries start from."),
    probe: ruled(probe, {
      [`${countOf(["has(self.httpGet)", "has(self.tcpSocket)", "has(self.exec)", "has(self.grpc)"])} == 1`]:
        "needs one of httpGet, tcpSocket, exec and grpc",
    }),
  },
  { required: ["template"], description: "A template for workload entries." },
);

export const workloadGroupKind: IstioKind = schemaKind<WorkloadGroupSpec>(
  {
    kind: "WorkloadGroup",
    plural: "workloadgroups",
    singular: "workloadgroup",
    shortNames: ["wg"],
    group: "networking.istio.io",
    versions: ["v1", "v1beta1", "v1alpha3"].map((name) => ({ name, served: true, storage: name === "v1" })),
    scope: "Namespaced",
    printerColumns: [ageColumn],
    schema: resource(spec, true),
  },
  checkWorkloadGroup,
);
