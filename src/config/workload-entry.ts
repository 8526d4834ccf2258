import type { WorkloadEntrySpec } from "#api/istio/workload-entry.ts";
import { ageColumn, type IstioKind } from "./kind.ts";
import { resource } from "./schema/build.ts";
import { workload } from "./schema/workload.ts";
import { schemaKind } from "./schema-kind.ts";
import { checkWorkloadEntry } from "./workload-entry-rules.ts";

export const workloadEntryKind: IstioKind = schemaKind<WorkloadEntrySpec>(
  {
    kind: "WorkloadEntry",
    plural: "workloadentries",
    singular: "workloadentry",
    shortNames: ["we"],
    group: "networking.istio.io",
    versions: ["v1", "v1beta1", "v1alpha3"].map((name) => ({ name, served: true, storage: name === "v1" })),
    scope: "Namespaced",
    printerColumns: [
      ageColumn,
      { name: "Address", type: "string", jsonPath: ".spec.address", description: "Address of the workload." },
    ],
    schema: resource(workload("One workload outside of Kubernetes."), true),
  },
  checkWorkloadEntry,
);
