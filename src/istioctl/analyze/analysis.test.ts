import assert from "node:assert/strict";
import { test } from "node:test";
import { istioKinds } from "#config/kinds.ts";
import type { KubeObject } from "#kube/object.ts";
import { type AnalysisInput, analyze } from "./analysis.ts";
import { analyzers } from "./analyzers.ts";
import { describe } from "./message.ts";
import { overlay } from "./overlay.ts";
import { parseObjects } from "./parse-objects.ts";
import { parseSuppression } from "./suppression.ts";

function objects(text: string): KubeObject[] {
  return parseObjects(text, "test").objects.map(({ object }) => object);
}

function codes(text: string, options: Partial<AnalysisInput> = {}): string[] {
  const { messages } = analyze(analyzers, {
    objects: objects(text),
    meshConfig: {},
    rootNamespace: "istio-system",
    fromCluster: true,
    namespace: undefined,
    suppressions: [],
    ...options,
  });
  return messages.map(({ code, object }) => `${code} ${describe(object)}`);
}

function route(namespace: string, annotations = "{}"): string {
  return `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web, namespace: ${namespace}, annotations: ${annotations} }
spec: { hosts: [web], gateways: [gone], http: [{ route: [{ destination: { host: gone } }] }] }
---`;
}
const both = ["IST0101 VirtualService blue/web", "IST0101 VirtualService blue/web"];
const bare = "apiVersion: v1\nkind: Namespace\nmetadata: { name: blue }\n---";

test("only the wanted namespace is told of", () => {
  assert.deepEqual(codes(route("blue") + route("green"), { namespace: "blue" }), both);
  assert.deepEqual(codes(bare, { namespace: "blue" }), ["IST0102 Namespace blue"]);
  assert.deepEqual(codes(bare, { namespace: "green" }), []);
});

test("the worst comes first", () => {
  assert.deepEqual(codes(bare + route("blue")), [...both, "IST0102 Namespace blue"]);
});

const suppressed: readonly (readonly [string, readonly string[]])[] = [
  ["IST0101=VirtualService web.blue", []],
  ["IST0101=VirtualService blue/web", []],
  ["IST0101=VirtualService *.blue", []],
  ["IST0101=* *", []],
  ["IST0101=VirtualService web.green", both],
  ["IST0102=VirtualService web.blue", both],
  ["IST0101=VirtualService we.blue", both],
];
for (const [text, expected] of suppressed) {
  test(`--suppress "${text}" leaves ${expected.length} of 2`, () => {
    assert.deepEqual(codes(route("blue"), { suppressions: [parseSuppression(text)] }), expected);
  });
}

test("a suppression without resource is refused", () => {
  assert.throws(() => parseSuppression("IST0101"), /--suppress IST0101: expected CODE=Kind name\.namespace/);
});

test("an object's annotation silences what is about it", () => {
  const silent = (value: string): string[] => codes(route("blue", `{ galley.istio.io/analyze-suppress: "${value}" }`));
  assert.deepEqual(silent("IST0102, IST0101"), []);
  assert.deepEqual(silent("*"), []);
  assert.deepEqual(silent("IST0102"), both);
});

test("with files alone nobody misses services and pods", () => {
  assert.deepEqual(codes(route("blue"), { fromCluster: false }), ["IST0101 VirtualService blue/web"]);
});

test("files replace what the cluster has, but for pods", () => {
  const ports = (port: number): KubeObject[] =>
    objects(`{ apiVersion: v1, kind: Service, metadata: { name: a }, spec: { ports: [{ port: ${port} }] } }`);
  const pod = objects("{ apiVersion: v1, kind: Pod, metadata: { name: a } }");
  assert.deepEqual(overlay(ports(80), [...ports(81), ...pod]), ports(81));
  assert.deepEqual(overlay(pod, ports(80)), [...pod, ...ports(80)]);
});

const otherKinds = [
  ["v1", "Service"],
  ["v1", "Pod"],
  ["v1", "Node"],
  ["v1", "Namespace"],
  ["apps/v1", "Deployment"],
  ["gateway.networking.k8s.io/v1", "Gateway"],
  ["gateway.networking.k8s.io/v1", "HTTPRoute"],
] as const;
const allKinds = [
  ...otherKinds,
  ...istioKinds.map(({ group, kind, versions }) => [`${group}/${versions[0]?.name}`, kind] as const),
];
// Places where what a user wrote may be of any type, filled with each of these.
const oddities: readonly unknown[] = [undefined, {}, [], "text", 7, [{}], [null], [[]], [7], { a: { b: [] } }];
for (const [apiVersion, kind] of allKinds) {
  test(`nothing that is written into a ${kind} breaks an analyzer`, () => {
    const fields = ["hosts", "gateways", "http", "tls", "tcp", "servers", "selector", "ports", "subsets", "host"];
    const more = ["trafficPolicy", "workloadSelector", "exportTo", "listeners", "template", "containers", "endpoints"];
    const specs = [
      ...oddities,
      ...[...fields, ...more].flatMap((field) => oddities.map((oddity) => ({ [field]: oddity }))),
      ...oddities.flatMap((odd) => [
        { hosts: ["a"], http: [{ match: odd, route: odd, fault: odd, mirror: odd, mirrors: odd }] },
        { hosts: ["a"], http: [{ match: [{ headers: odd, uri: odd }], route: [{ destination: odd }] }] },
        { servers: [{ port: odd, hosts: odd, tls: odd }] },
        { host: "a", trafficPolicy: { tls: odd, portLevelSettings: odd }, subsets: [{ name: "v", labels: odd }] },
        { ports: [{ port: 1, name: odd, targetPort: odd, protocol: odd }] },
      ]),
    ];
    for (const spec of specs) {
      const object = { apiVersion, kind, metadata: { name: "a", namespace: "b" }, spec, status: spec } as KubeObject;
      const twin = { ...object, metadata: { ...object.metadata, name: "c" } };
      assert.doesNotThrow(() => {
        analyze(analyzers, {
          objects: [object, twin],
          meshConfig: {},
          rootNamespace: "istio-system",
          fromCluster: true,
          namespace: undefined,
          suppressions: [],
        });
      }, JSON.stringify(object));
    }
  });
}
