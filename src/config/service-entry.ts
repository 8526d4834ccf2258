import type { ServiceEntrySpec } from "#api/istio/service-entry.ts";
import { ageColumn, type IstioKind } from "./kind.ts";
import { list, object, oneOf, resource, text } from "./schema/build.ts";
import { exportTo, unsigned } from "./schema/traffic.ts";
import { workloadFields, workloadSelector } from "./schema/workload.ts";
import { schemaKind } from "./schema-kind.ts";
import { checkServiceEntry } from "./service-entry-rules.ts";

const spec = object(
  {
    hosts: list(text(), "Names of the service.", { minItems: 1, maxItems: 256 }),
    addresses: list(text(undefined, { maxLength: 64 }), "Virtual addresses, or ranges of them.", { maxItems: 256 }),
    ports: list(
      object(
        {
          number: unsigned("Port that clients call."),
          protocol: text("HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS; found out unless set.", { maxLength: 256 }),
          name: text("Name of the port.", { maxLength: 256 }),
          targetPort: unsigned("Port of the endpoints; `number` unless set."),
        },
        { required: ["number", "name"] },
      ),
      "Ports of the service.",
      { maxItems: 256 },
    ),
    location: oneOf(["MESH_EXTERNAL", "MESH_INTERNAL"], "Whether the service is part of the mesh."),
    resolution: oneOf(["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"], "How addresses are found."),
    endpoints: list(object(workloadFields), "Where the service runs.", { maxItems: 4096 }),
    workloadSelector,
    exportTo,
    subjectAltNames: list(text(), "Names of which the service's certificate must have one."),
  },
  { required: ["hosts"], description: "Adds hosts to the mesh's service registry." },
);

export const serviceEntryKind: IstioKind = schemaKind<ServiceEntrySpec>(
  {
    kind: "ServiceEntry",
    plural: "serviceentries",
    singular: "serviceentry",
    shortNames: ["se"],
    group: "networking.istio.io",
    versions: ["v1", "v1beta1", "v1alpha3"].map((name) => ({ name, served: true, storage: name === "v1" })),
    scope: "Namespaced",
    printerColumns: [
      { name: "Hosts", type: "string", jsonPath: ".spec.hosts", description: "Hosts that the entry adds." },
      { name: "Location", type: "string", jsonPath: ".spec.location", description: "Whether it is part of the mesh." },
      { name: "Resolution", type: "string", jsonPath: ".spec.resolution", description: "How addresses are found." },
      ageColumn,
    ],
    schema: resource(spec, true),
  },
  checkServiceEntry,
);
