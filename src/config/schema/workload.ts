import { map, object, ruled, text } from "./build.ts";
import type { JsonSchema } from "./json-schema.ts";
import { port, selectorLabels, unsigned } from "./traffic.ts";

const address = ruled(text("IP address, DNS name, or unix:// and the path of a socket.", { maxLength: 256 }), {
  "!self.startsWith('unix://') || self.startsWith('unix:///') || self.startsWith('unix://@')":
    "must have an absolute path, or @ and an abstract name, after unix://",
  "!self.startsWith('unix://') || !self.endsWith('/')": "must be a socket, not a directory",
});

const ports = ruled(map(port(), "Port numbers by the name of the service's port.", { maxProperties: 128 }), {
  "self.all(name, name.size() <= 63 && name.matches('^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$'))":
    "must have names of letters, digits and - as keys",
});

/** What {@link workloadTemplate} and {@link workload} have in common. */
const fields: Readonly<Record<string, JsonSchema>> = {
  address,
  ports,
  labels: map(text(), "Labels of the workload.", { maxProperties: 256 }),
  network: text("Network that the address is of.", { maxLength: 2048 }),
  locality: text("region/zone/subzone.", { maxLength: 2048 }),
  weight: unsigned("Share of the traffic."),
  serviceAccount: text("Account that the workload runs as.", { maxLength: 253 }),
};

/** A WorkloadGroup's template: the address may come later. */
export function workloadTemplate(description: string): JsonSchema {
  return ruled(object(fields, { description }), {
    "!has(self.address) || !self.address.startsWith('unix://') || !has(self.ports) || self.ports.size() == 0":
      "must not have ports for a unix socket",
  });
}

/** Where one workload is: what a WorkloadEntry and an endpoint of a ServiceEntry have. */
export function workload(description: string): JsonSchema {
  return ruled(workloadTemplate(description), {
    "(has(self.address) && self.address != '') || (has(self.network) && self.network != '')": "address is required",
  });
}

export const workloadSelector: JsonSchema = object(
  { labels: selectorLabels(256) },
  { description: "Labels that the workload must have; all workloads unless set." },
);
