import assert from "node:assert/strict";
import { test } from "node:test";
import { istioKinds, kindNamed } from "./kinds.ts";
import type { JsonSchema } from "./schema/json-schema.ts";

function errorFields(kind: string, spec: unknown): string[] {
  const verdict = kindNamed(kind)?.validate({ metadata: { name: "x", namespace: "default" }, spec });
  return (verdict?.errors ?? []).map(({ field }) => field);
}

const route = [{ destination: { host: "reviews" } }];

const good: readonly (readonly [string, string, unknown])[] = [
  ["null fields count as absent", "VirtualService", { hosts: ["a.b"], gateways: null, http: [{ match: null, route }] }],
  [
    "a null policy",
    "DestinationRule",
    { host: "reviews", trafficPolicy: null, subsets: [{ name: "v1", labels: { a: "b" } }] },
  ],
  ["every host at a gateway", "VirtualService", { hosts: ["*"], gateways: ["front"], http: [{ route }] }],
  [
    "a weight of 0 beside others",
    "VirtualService",
    { hosts: ["a"], http: [{ route: [...route, { destination: { host: "b" }, weight: 1 }] }] },
  ],
  ["proxies' settings", "ProxyConfig", { concurrency: 0, environmentVariables: { A: "1" }, image: { imageType: "" } }],
  [
    "a Gateway's host with its namespace",
    "Gateway",
    { servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["./*"] }] },
  ],
];
for (const [name, kind, spec] of good) test(`accepts ${name}`, () => assert.deepEqual(errorFields(kind, spec), []));

const localityField = "spec.trafficPolicy.loadBalancer.localityLbSetting";

function localities(localityLbSetting: object): object {
  return { host: "a", trafficPolicy: { loadBalancer: { localityLbSetting } } };
}

const zonesField = "spec.trafficPolicy.loadBalancer.zoneAwareLbSetting";

function zones(zoneAwareLbSetting: object): object {
  return { host: "a", trafficPolicy: { loadBalancer: { zoneAwareLbSetting } } };
}

const bad: readonly (readonly [string, string, unknown, string])[] = [
  [
    "places beside zones",
    "DestinationRule",
    zones({ failoverPriority: ["topology.kubernetes.io/zone=a"] }),
    `${zonesField}.failoverPriority[0]`,
  ],
  [
    "zones that fail over to their own region",
    "DestinationRule",
    zones({ failover: [{ from: "r", to: "r" }] }),
    `${zonesField}.failover[0]`,
  ],
  ["no spec", "VirtualService", undefined, "spec"],
  ["threads below none", "ProxyConfig", { concurrency: -1 }, "spec.concurrency"],
  ["a wildcard selector", "ProxyConfig", { selector: { matchLabels: { a: "*" } } }, 'spec.selector.matchLabels["a"]'],
  ["no routes", "VirtualService", { hosts: ["a"] }, "spec"],
  ["a misspelt field", "VirtualService", { hosts: ["a"], http: [{ rout: [], route }] }, "spec.http[0].rout"],
  ["a wrong type", "VirtualService", { hosts: "a", http: [{ route }] }, "spec.hosts"],
  ["a bad timeout", "VirtualService", { hosts: ["a"], http: [{ route, timeout: "5" }] }, "spec.http[0].timeout"],
  [
    "a fraction of a millisecond",
    "VirtualService",
    { hosts: ["a"], http: [{ route, timeout: "1.5ms" }] },
    "spec.http[0].timeout",
  ],
  ["every host in the mesh", "VirtualService", { hosts: ["*"], http: [{ route }] }, "spec.hosts[0]"],
  [
    "a bad expression",
    "VirtualService",
    { hosts: ["a"], http: [{ match: [{ uri: { regex: "(" } }], route }] },
    "spec.http[0].match[0].uri.regex",
  ],
  [
    "a null header match",
    "VirtualService",
    { hosts: ["a"], http: [{ match: [{ headers: { a: null } }], route }] },
    "spec.http[0].match[0].headers.a",
  ],
  [
    "a lone percent",
    "VirtualService",
    { hosts: ["a"], http: [{ route, headers: { request: { set: { a: "5%" } } } }] },
    'spec.http[0].headers.request.set["a"]',
  ],
  [
    "a namespace as destination",
    "VirtualService",
    { hosts: ["a"], http: [{ route: [{ destination: { host: "ns/a" } }] }] },
    "spec.http[0].route[0].destination.host",
  ],
  [
    "a subset twice",
    "DestinationRule",
    { host: "a", subsets: [{ name: "v1" }, { name: "v1" }] },
    "spec.subsets[1].name",
  ],
  [
    "a table size that isn't prime",
    "DestinationRule",
    { host: "a", trafficPolicy: { loadBalancer: { consistentHash: { maglev: { tableSize: 1000 } } } } },
    "spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize",
  ],
  [
    "HTTPS without tls",
    "Gateway",
    { servers: [{ port: { number: 443, name: "a", protocol: "HTTPS" }, hosts: ["*"] }] },
    "spec.servers[0].tls",
  ],
  [
    "a port too high",
    "Gateway",
    { servers: [{ port: { number: 66000, name: "a", protocol: "HTTP" }, hosts: ["*"] }] },
    "spec.servers[0].port.number",
  ],
  [
    "shares of localities that don't add up",
    "DestinationRule",
    localities({ distribute: [{ from: "r1/*", to: { "r1/z1/*": 70, "r1/z2/*": 20 } }] }),
    `${localityField}.distribute[0].to`,
  ],
  [
    "a * in the middle of a locality",
    "DestinationRule",
    localities({ distribute: [{ from: "r1/*/s1", to: { r1: 100 } }] }),
    `${localityField}.distribute[0].from`,
  ],
  [
    "localities that overlap",
    "DestinationRule",
    localities({ distribute: [{ from: "r1/*", to: { "r2/*": 60, "r2/z1": 40 } }] }),
    `${localityField}.distribute[0].to`,
  ],
  [
    "a failover from a region to itself",
    "DestinationRule",
    localities({ failover: [{ from: "r1", to: "r1" }] }),
    `${localityField}.failover[0]`,
  ],
  [
    "a tunnel by an unknown method",
    "DestinationRule",
    { host: "a", trafficPolicy: { tunnel: { protocol: "GET", targetHost: "b", targetPort: 1 } } },
    "spec.trafficPolicy.tunnel.protocol",
  ],
  [
    "two new authorities",
    "VirtualService",
    { hosts: ["a"], http: [{ route, rewrite: { authority: "b" }, headers: { request: { set: { Host: "c" } } } }] },
    'spec.http[0].headers.request.set["Host"]',
  ],
];
for (const [name, kind, spec, field] of bad) {
  test(`refuses ${name} and names the field`, () => assert.deepEqual(errorFields(kind, spec), [field]));
}

const shop = { uri: { prefix: "/shop" } };
const unreached: readonly (readonly [string, unknown, readonly string[]])[] = [
  ["a rule after one that takes everything", { http: [{ route }, { match: [shop], route }] }, ["spec.http[1]"]],
  [
    "a match twice in one rule",
    { http: [{ match: [shop, { ...shop, name: "b" }], route }] },
    ["spec.http[0].match[1]"],
  ],
  [
    "a rule whose only match was there",
    {
      http: [
        { match: [shop], route },
        { match: [shop], route },
      ],
    },
    ["spec.http[1].match[0]", "spec.http[1]"],
  ],
  [
    "a longer prefix that also asks for a method",
    {
      http: [
        { match: [shop], route },
        { match: [{ uri: { prefix: "/shop/a" }, method: { exact: "GET" } }], route },
      ],
    },
    ["spec.http[1].match[0]"],
  ],
  ["the second TCP rule for everything", { tcp: [{ route }, { route }] }, ["spec.tcp[1]"]],
];
for (const [name, rules, fields] of unreached) {
  test(`warns of ${name}`, () => {
    const spec = { hosts: ["a"], ...(rules as object) };
    const verdict = kindNamed("VirtualService")?.validate({ metadata: { name: "x", namespace: "default" }, spec });
    assert.deepEqual(verdict?.errors, []);
    assert.deepEqual(
      verdict?.warnings.map(({ field }) => field),
      fields,
    );
  });
}

const reached: readonly (readonly [string, unknown])[] = [
  [
    "a longer prefix first",
    { http: [{ match: [{ uri: { prefix: "/shop/a" } }], route }, { match: [shop], route }, { route }] },
  ],
  [
    "a longer prefix after one for another method",
    {
      http: [
        { match: [{ ...shop, method: { exact: "GET" } }], route },
        { match: [{ uri: { prefix: "/shop/a" } }], route },
      ],
    },
  ],
  [
    "a prefix that ignores case after one that doesn't",
    {
      http: [
        { match: [shop], route },
        { match: [{ uri: { prefix: "/shop/a" }, ignoreUriCase: true }], route },
      ],
    },
  ],
];
for (const [name, rules] of reached) {
  test(`has nothing against ${name}`, () => {
    const spec = { hosts: ["a"], ...(rules as object) };
    const verdict = kindNamed("VirtualService")?.validate({ metadata: { name: "x", namespace: "default" }, spec });
    assert.deepEqual(verdict, { errors: [], warnings: [] });
  });
}

test("a hostile object doesn't make an endless list of errors", () => {
  const hosts = Array.from({ length: 10_000 }, () => 1);
  assert.ok(errorFields("VirtualService", { hosts }).length <= 50);
});

test("one version of each kind is stored, and names are unique", () => {
  assert.equal(new Set(istioKinds.map(({ plural, group }) => `${plural}.${group}`)).size, istioKinds.length);
  for (const { kind, versions } of istioKinds) {
    assert.equal(versions.filter(({ storage }) => storage).length, 1, kind);
  }
});

// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
test("schemas are structural: every level has a type, and fields or items but not both kinds of properties", () => {
  const visit = (schema: JsonSchema, path: string): void => {
    assert.ok(schema.type !== undefined, path);
    assert.ok(!(schema.properties && schema.additionalProperties), path);
    if (schema.type === "array") assert.ok(schema.items, path);
    if (schema.items) visit(schema.items, `${path}[]`);
    if (schema.additionalProperties) visit(schema.additionalProperties, `${path}{}`);
    for (const [key, item] of Object.entries(schema.properties ?? {})) visit(item, `${path}.${key}`);
  };
  for (const { kind, schema } of istioKinds) visit(schema, kind);
});
