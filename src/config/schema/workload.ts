import { integer, map, object, text } from "./build.ts";
import type { JsonSchema } from "./json-schema.ts";
import { labels, unsigned } from "./traffic.ts";

/** Where one workload is: what a WorkloadEntry, an endpoint of a ServiceEntry and a WorkloadGroup's template have. */
export const workloadFields: Readonly<Record<string, JsonSchema>> = {
  address: text("IP address, DNS name, or unix:// and the path of a socket.", { maxLength: 256 }),
  ports: map(integer(undefined, { minimum: 1, maximum: 65535 }), "Port numbers by the name of the service's port."),
  labels: map(text(), "Labels of the workload."),
  network: text("Network that the address is of.", { maxLength: 2048 }),
  locality: text("region/zone/subzone.", { maxLength: 2048 }),
  weight: unsigned("Share of the traffic."),
  serviceAccount: text("Account that the workload runs as.", { maxLength: 253 }),
};

export const workloadSelector: JsonSchema = object(
  { labels },
  { description: "Labels that the workload must have; all workloads unless set." },
);
