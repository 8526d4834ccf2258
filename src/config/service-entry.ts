import type { ServiceEntrySpec } from "#api/istio/service-entry.ts";
import { ageColumn, type IstioKind } from "./kind.ts";
import { list, listBy, object, oneOf, resource, ruled, text } from "./schema/build.ts";
import { exportTo, port } from "./schema/traffic.ts";
import { workload, workloadSelector } from "./schema/workload.ts";
import { schemaKind } from "./schema-kind.ts";
import { checkServiceEntry } from "./service-entry-rules.ts";

const ports = listBy(
  "name",
  object(
    {
      number: port("Port that clients call."),
      protocol: text("HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP or TLS; found out unless set.", { maxLength: 256 }),
      name: text("Name of the port.", { maxLength: 256 }),
      targetPort: port("Port of the endpoints; `number` unless set."),
    },
    { required: ["number", "name"] },
  ),
  "Ports of the service.",
  { maxItems: 256 },
);

/** What the rules say with fields that aren't set. */
const resolution = "(has(self.resolution) ? self.resolution : 'NONE')";
const endpointCount = "(has(self.endpoints) ? self.endpoints.size() : 0)";

const spec = object(
  {
    hosts: list(ruled(text(), { "self != '*'": "must not be every host" }), "Names of the service.", {
      minItems: 1,
      maxItems: 256,
    }),
    addresses: list(text(undefined, { maxLength: 64 }), "Virtual addresses, or ranges of them.", { maxItems: 256 }),
    ports: ruled(ports, {
      "self.all(one, self.exists_one(other, one.number == other.number))": "must not have the same number twice",
    }),
    location: oneOf(["MESH_EXTERNAL", "MESH_INTERNAL"], "Whether the service is part of the mesh."),
    resolution: oneOf(["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"], "How addresses are found."),
    endpoints: list(workload("One place."), "Where the service runs.", { maxItems: 4096 }),
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
    schema: resource(
      ruled(spec, {
        "!has(self.workloadSelector) || !has(self.endpoints)": "only one of workloadSelector and endpoints can be set",
        [`!has(self.addresses) || ${resolution} in ['NONE', 'STATIC'] || !self.addresses.exists(one, one.contains('/'))`]:
          "addresses can't be ranges with this resolution: only with NONE and STATIC",
        [`${resolution} != 'NONE' || ${endpointCount} == 0`]: "endpoints must be empty with resolution NONE",
        [`${resolution} != 'DNS_ROUND_ROBIN' || ${endpointCount} <= 1`]:
          "endpoints must have at most one item with resolution DNS_ROUND_ROBIN",
      }),
      true,
    ),
  },
  checkServiceEntry,
);
