import type { WorkloadGroupSpec } from "#api/istio/workload-group.ts";
import { ageColumn, type IstioKind } from "./kind.ts";
import { integer, list, map, object, oneOf, resource, text } from "./schema/build.ts";
import { unsigned } from "./schema/traffic.ts";
import { workloadFields } from "./schema/workload.ts";
import { schemaKind } from "./schema-kind.ts";
import { checkWorkloadGroup } from "./workload-group-rules.ts";

const count = integer(undefined, { minimum: 0 });

const probe = object(
  {
    initialDelaySeconds: count,
    timeoutSeconds: count,
    periodSeconds: count,
    successThreshold: count,
    failureThreshold: count,
    httpGet: object({
      path: text(),
      port: unsigned(),
      host: text(),
      scheme: oneOf(["", "HTTP", "HTTPS"]),
      httpHeaders: list(object({ name: text(), value: text() })),
    }),
    tcpSocket: object({ host: text(), port: unsigned() }),
    exec: object({ command: list(text(undefined, { minLength: 1 })) }),
    grpc: object({ port: unsigned(), service: text() }),
  },
  { description: "How the agent of a workload finds out whether it takes traffic." },
);

const spec = object(
  {
    metadata: object({ labels: map(text()), annotations: map(text()) }, { description: "Metadata of the entries." }),
    template: object(workloadFields, { description: "What the entries start from." }),
    probe,
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
