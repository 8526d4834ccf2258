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
  ...["Gateway", "GatewayClass", "ListenerSet", "HTTPRoute", "TLSRoute", "ReferenceGrant"].map(
    (kind) => ["gateway.networking.k8s.io/v1", kind] as const,
  ),
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
    const kubernetes = ["parentRefs", "parentRef", "rules", "hostnames", "addresses", "infrastructure", "from", "to"];
    const specs = [
      ...oddities,
      ...[...fields, ...more, ...kubernetes].flatMap((field) => oddities.map((oddity) => ({ [field]: oddity }))),
      ...oddities.flatMap((odd) => [
        { hosts: ["a"], http: [{ match: odd, route: odd, fault: odd, mirror: odd, mirrors: odd }] },
        { hosts: ["a"], http: [{ match: [{ headers: odd, uri: odd }], route: [{ destination: odd }] }] },
        { servers: [{ port: odd, hosts: odd, tls: odd }] },
        { host: "a", trafficPolicy: { tls: odd, portLevelSettings: odd }, subsets: [{ name: "v", labels: odd }] },
        {
          gatewayClassName: "istio",
          listeners: [{ name: odd, port: odd, protocol: "HTTPS", hostname: odd, tls: odd }],
        },
        {
          gatewayClassName: "istio",
          listeners: [{ allowedRoutes: odd }, { allowedRoutes: { namespaces: odd, kinds: odd } }],
        },
        {
          gatewayClassName: "istio",
          addresses: [odd ?? {}],
          infrastructure: { parametersRef: odd },
          allowedListeners: odd,
        },
        { parentRef: odd, listeners: [odd ?? {}, { tls: { certificateRefs: odd, options: odd } }] },
        { parentRefs: [{ name: odd, kind: odd }], hostnames: odd, rules: [{ backendRefs: odd, filters: odd }] },
        { parentRefs: [{ name: "a" }], rules: [{ backendRefs: [odd ?? {}], filters: [{ requestMirror: odd }] }] },
        { from: [odd ?? {}], to: [odd ?? {}] },
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

const gatewayApi = `
apiVersion: v1
kind: Namespace
metadata: { name: blue, labels: { istio-injection: enabled } }
---
apiVersion: v1
kind: Namespace
metadata: { name: green, labels: { istio-injection: enabled } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: front, namespace: blue }
spec:
  gatewayClassName: istio
  listeners:
  - { name: web, port: 80, protocol: HTTP, hostname: "*.example", allowedRoutes: { namespaces: { from: All } } }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: blue }
spec: { ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: far, namespace: green }
spec: { ports: [{ name: http, port: 80 }] }
---`;

function kubernetesRoute(spec: string, more = ""): string {
  return `${gatewayApi}
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: blue }
spec: ${spec}
${more}
---`;
}

const kubernetesRoutes: readonly (readonly [string, string, string, readonly string[]])[] = [
  ["that is right", "{ parentRefs: [{ name: front }], rules: [{ backendRefs: [{ name: cart, port: 80 }] }] }", "", []],
  ["for a Gateway that isn't there", "{ parentRefs: [{ name: gone }] }", "", ["IST0101 spec.parentRefs[0]"]],
  [
    "for a listener that isn't there",
    "{ parentRefs: [{ name: front, sectionName: x }] }",
    "",
    ["IST0101 spec.parentRefs[0]"],
  ],
  [
    "with another hostname",
    "{ parentRefs: [{ name: front }], hostnames: [a.org] }",
    "",
    ["IST0132 spec.parentRefs[0]"],
  ],
  [
    "to a Service that isn't there",
    "{ parentRefs: [{ name: front }], rules: [{ backendRefs: [{ name: gone, port: 80 }] }] }",
    "",
    ["IST0101 spec.rules[0].backendRefs[0]"],
  ],
  [
    "to another namespace without a grant",
    "{ parentRefs: [{ name: front }], rules: [{ backendRefs: [{ name: far, namespace: green, port: 80 }] }] }",
    "",
    ["IST0171 spec.rules[0].backendRefs[0]"],
  ],
  [
    "to another namespace with a grant",
    "{ parentRefs: [{ name: front }], rules: [{ backendRefs: [{ name: far, namespace: green, port: 80 }] }] }",
    `---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: { name: g, namespace: green }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: blue }]
  to: [{ group: "", kind: Service }]`,
    [],
  ],
  [
    "that istiod has judged",
    "{ parentRefs: [{ name: front }], rules: [{ backendRefs: [{ name: gone, port: 80 }] }] }",
    `status: { parents: [{ conditions: [
      { type: ResolvedRefs, status: "False", reason: BackendNotFound, message: gone },
      { type: weft.dev/Accepted, status: "False", reason: Rejected, message: "a proxy says no" }] }] }`,
    ["IST0101 spec.rules[0].backendRefs[0]", "IST0171 status", "IST0171 status"],
  ],
];
for (const [name, spec, more, expected] of kubernetesRoutes) {
  test(`an HTTPRoute ${name}`, () => {
    const { messages } = analyze(analyzers, {
      objects: objects(kubernetesRoute(spec, more)),
      meshConfig: {},
      rootNamespace: "istio-system",
      fromCluster: true,
      namespace: undefined,
      suppressions: [],
    });
    assert.deepEqual(
      messages.map(({ code, field }) => `${code} ${field}`),
      expected,
    );
  });
}

test("listeners that claim one place, and delegates that aren't there", () => {
  const twice = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: twice, namespace: blue }
spec:
  gatewayClassName: istio
  listeners:
  - { name: a, port: 80, protocol: HTTP }
  - { name: b, port: 80, protocol: HTTP }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: root, namespace: blue }
spec: { hosts: [cart], http: [{ delegate: { name: gone } }] }
---`;
  assert.deepEqual(codes(gatewayApi + twice), ["IST0101 VirtualService blue/root", "IST0145 Gateway blue/twice"]);
});

test("what a proxy refuses is told, also of Istio's own resources", () => {
  const refused = `
apiVersion: networking.istio.io/v1
kind: EnvoyFilter
metadata: { name: lua, namespace: blue }
spec: { configPatches: [] }
status: { conditions: [{ type: weft.dev/Accepted, status: "False", reason: Rejected, message: "script load error" }] }
---`;
  assert.ok(codes(gatewayApi + refused).includes("IST0171 EnvoyFilter blue/lua"));
});

test("routes by claims need a RequestAuthentication for their own gateway", () => {
  const route = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: blue }
spec: { selector: { istio: edge }, servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: ["*"] }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: by-claim, namespace: blue }
spec:
  hosts: ["*"]
  gateways: [edge]
  http: [{ match: [{ headers: { "@request.auth.claims.a": { exact: b } } }], directResponse: { status: 200 } }]
---`;
  const checked = (fields: string): string => `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt, namespace: blue }
spec: { jwtRules: [{ issuer: "https://issuer.example" }]${fields} }
---`;
  const missing = "IST0149 VirtualService blue/by-claim";
  const target = "{ kind: Gateway, group: gateway.networking.k8s.io, name: other }";
  assert.ok(codes(gatewayApi + route).includes(missing));
  assert.ok(codes(gatewayApi + route + checked(`, targetRefs: [${target}]`)).includes(missing));
  assert.ok(codes(gatewayApi + route + checked(", selector: { matchLabels: { istio: other } }")).includes(missing));
  assert.ok(!codes(gatewayApi + route + checked(", selector: { matchLabels: { istio: edge } }")).includes(missing));
});

test("keys that istiod can't read are told", () => {
  const unread = `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: { name: jwt, namespace: blue }
spec: { jwtRules: [{ issuer: "https://issuer.example" }] }
status: { conditions: [{ type: weft.dev/Accepted, status: "False", reason: Unreachable, message: "no keys" }] }
---`;
  assert.ok(codes(gatewayApi + unread).includes("IST0171 RequestAuthentication blue/jwt"));
});

function authorization(name: string, namespace: string, spec: string): string {
  return `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}
---`;
}
const shop = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
---
apiVersion: v1
kind: Namespace
metadata: { name: plain, labels: { istio-injection: disabled } }
---
apiVersion: v1
kind: Pod
metadata: { name: web-1, namespace: shop, labels: { app: web } }
spec: { containers: [{ name: istio-proxy }] }
---
apiVersion: v1
kind: Pod
metadata: { name: db-1, namespace: plain, labels: { app: db } }
spec: { containers: [{ name: db }] }
---`;

test("AuthorizationPolicies without workloads, and namespaces that aren't there, are told", () => {
  const selector = (app: string): string => `{ selector: { matchLabels: { app: ${app} } } }`;
  const from = (source: string): string => `{ rules: [{ from: [{ source: ${source} }] }] }`;
  const fine = [
    authorization("mesh", "istio-system", "{}"),
    authorization("mesh-web", "istio-system", selector("web")),
    authorization("all", "shop", from("{ namespaces: [shop, pl*, '*in', '*'] }")),
    authorization("web", "shop", selector("web")),
    authorization("gate", "shop", "{ targetRefs: [{ kind: Gateway, group: gateway.networking.k8s.io, name: a }] }"),
  ];
  assert.deepEqual(codes(shop + fine.join("")), []);
  const wrong = [
    authorization("mesh-db", "istio-system", selector("db")),
    authorization("db", "shop", selector("db")),
    authorization("outside", "plain", "{}"),
    authorization("who", "shop", from("{ namespaces: [sho], notNamespaces: ['x*'] }")),
  ];
  assert.deepEqual(codes(shop + wrong.join("")), [
    "IST0101 AuthorizationPolicy shop/who",
    "IST0101 AuthorizationPolicy shop/who",
    "IST0127 AuthorizationPolicy shop/db",
    "IST0127 AuthorizationPolicy istio-system/mesh-db",
    "IST0127 AuthorizationPolicy plain/outside",
  ]);
});
