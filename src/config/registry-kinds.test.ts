import assert from "node:assert/strict";
import { test } from "node:test";
import { kindNamed } from "./kinds.ts";

function errorFields(kind: string, spec: unknown): string[] {
  const verdict = kindNamed(kind)?.validate({ metadata: { name: "x", namespace: "default" }, spec });
  return (verdict?.errors ?? []).map(({ field }) => field);
}

const good: readonly (readonly [string, string, unknown])[] = [
  [
    "endpoints by name where DNS finds them",
    "ServiceEntry",
    {
      hosts: ["*.example.com"],
      ports: [{ number: 80, name: "http", protocol: "HTTP" }],
      resolution: "DNS",
      endpoints: [{ address: "a.example.com", ports: { http: 8080 } }],
    },
  ],
  ["a ServiceEntry for nobody", "ServiceEntry", { hosts: ["a.example"], exportTo: ["~"] }],
  ["a socket as default endpoint", "Sidecar", { ingress: [{ port: { number: 80 }, defaultEndpoint: "unix:///a/b" }] }],
  ["a namespace that is left out", "Sidecar", { egress: [{ hosts: ["*/*", "~other/*"] }] }],
  ["an abstract socket", "WorkloadEntry", { address: "unix://@a" }],
  ["a template without an address", "WorkloadGroup", { template: { labels: { app: "a" } } }],
];
for (const [name, kind, spec] of good) test(`accepts ${name}`, () => assert.deepEqual(errorFields(kind, spec), []));

const bad: readonly (readonly [string, string, unknown, string])[] = [
  ["every host as a service", "ServiceEntry", { hosts: ["*"] }, "spec.hosts[0]"],
  [
    "a range that DNS can't give",
    "ServiceEntry",
    { hosts: ["a.example"], addresses: ["10.0.0.0/8"], resolution: "DNS" },
    "spec.addresses[0]",
  ],
  [
    "an endpoint's port that the entry doesn't have",
    "ServiceEntry",
    {
      hosts: ["a.example"],
      ports: [{ number: 80, name: "http" }],
      resolution: "STATIC",
      endpoints: [{ address: "10.0.0.1", ports: { grpc: 1 } }],
    },
    'spec.endpoints[0].ports["grpc"]',
  ],
  ["a Sidecar that says nothing", "Sidecar", {}, "spec"],
  ["an egress host without its namespace", "Sidecar", { egress: [{ hosts: ["a"] }] }, "spec.egress[0].hosts[0]"],
  [
    "an endpoint elsewhere",
    "Sidecar",
    { ingress: [{ port: { number: 80 }, defaultEndpoint: "10.0.0.1:80" }] },
    "spec.ingress[0].defaultEndpoint",
  ],
  ["a socket that is a directory", "WorkloadEntry", { address: "unix:///a/" }, "spec.address"],
  ["a probe that asks nothing", "WorkloadGroup", { template: {}, probe: {} }, "spec.probe"],
];
for (const [name, kind, spec, field] of bad) {
  test(`refuses ${name} and names the field`, () => assert.deepEqual(errorFields(kind, spec), [field]));
}
