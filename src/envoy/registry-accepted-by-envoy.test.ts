import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientTLS, DestinationRule } from "#api/istio/destination-rule.ts";
import type { ServiceEntrySpec } from "#api/istio/service-entry.ts";
import type { SidecarSpec } from "#api/istio/sidecar.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import type { MeshInput } from "#snapshot/input.ts";
import { bookinfo, ingressProxy, keyed, productpageProxy } from "./bookinfo.fixture.ts";
import { envoyAccepts, noEnvoy, staticBootstrap } from "./static-bootstrap.fixture.ts";

function resource<Spec>(kind: string, name: string, spec: Spec) {
  return { apiVersion: "networking.istio.io/v1", kind, metadata: { name, namespace: "default" }, spec };
}

const entry = (name: string, spec: ServiceEntrySpec) => resource("ServiceEntry", name, spec);
const tcp = { name: "tcp", protocol: "TCP" };

/** Every resolution, with addresses, ranges and without, and ports that meet others. */
const serviceEntries = keyed([
  entry("dns", {
    hosts: ["dns.example"],
    ports: [
      { number: 443, name: "tls", protocol: "TLS" },
      { number: 80, name: "http", protocol: "HTTP" },
    ],
    resolution: "DNS",
  }),
  entry("first", { hosts: ["first.example"], ports: [{ number: 7001, ...tcp }], resolution: "DNS_ROUND_ROBIN" }),
  entry("static", {
    hosts: ["static.example"],
    addresses: ["240.0.0.7", "2001:db8::7", "10.8.0.0/16"],
    ports: [{ number: 9999, ...tcp, targetPort: 9998 }],
    resolution: "STATIC",
    endpoints: [
      { address: "10.9.9.1", weight: 3, locality: "region/zone/subzone" },
      { address: "2001:db8::1", ports: { tcp: 1234 } },
    ],
  }),
  entry("socket", {
    hosts: ["socket.example"],
    ports: [{ number: 7002, name: "http", protocol: "HTTP" }],
    resolution: "STATIC",
    endpoints: [{ address: "unix:///var/run/app.sock" }],
  }),
  entry("none", {
    hosts: ["none.example"],
    addresses: ["10.7.0.0/16"],
    ports: [{ number: 27018, name: "mongo", protocol: "MONGO", targetPort: 27017 }],
  }),
  entry("ranges", {
    hosts: ["more.example"],
    addresses: ["10.6.0.0/16", "10.5.0.0/16"],
    ports: [{ number: 9999, ...tcp }],
  }),
  entry("patterns", {
    hosts: ["*.pattern.example", "*part.example"],
    ports: [
      { number: 443, name: "https", protocol: "HTTPS" },
      { number: 80, name: "http", protocol: "HTTP" },
    ],
  }),
  entry("dynamic", {
    hosts: ["*.dynamic.example"],
    ports: [
      { number: 443, name: "tls", protocol: "TLS" },
      { number: 8080, name: "http", protocol: "HTTP" },
    ],
    resolution: "DYNAMIC_DNS",
  }),
  entry("meets-http", { hosts: ["plain.example"], ports: [{ number: 9080, ...tcp }], resolution: "DNS" }),
  entry("sniffed", { hosts: ["sniffed.example"], addresses: ["240.0.0.8"], ports: [{ number: 7003, name: "any" }] }),
]);

function withSidecar(spec: SidecarSpec): MeshInput {
  return bookinfo({ serviceEntries, sidecars: keyed([resource("Sidecar", "default", spec)]) });
}

const inputs: readonly (readonly [string, MeshInput])[] = [
  ["ServiceEntries of all kinds", bookinfo({ serviceEntries })],
  [
    "a Sidecar with listeners of its own",
    withSidecar({
      outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
      inboundConnectionPool: { http: { http1MaxPendingRequests: 7 }, tcp: { maxConnections: 9 } },
      ingress: [
        { port: { number: 9080, protocol: "HTTP", name: "http" }, defaultEndpoint: "127.0.0.1:8081" },
        { port: { number: 9081, protocol: "TCP", name: "tcp" }, defaultEndpoint: "unix:///var/run/app.sock" },
        { port: { number: 9082, name: "any" }, defaultEndpoint: "0.0.0.0:8082" },
        {
          port: { number: 9443, protocol: "HTTPS", name: "https" },
          tls: { mode: "SIMPLE", serverCertificate: "/certs/tls.crt", privateKey: "/certs/tls.key" },
        },
        { port: { number: 9084, protocol: "HTTP", name: "own" }, bind: "127.0.0.1", captureMode: "NONE" },
      ],
      egress: [
        { port: { number: 9080, protocol: "HTTP", name: "http" }, hosts: ["./*"] },
        {
          port: { number: 3306, protocol: "TCP", name: "tcp" },
          bind: "127.0.0.1",
          captureMode: "NONE",
          hosts: ["./first.example"],
        },
        { port: { protocol: "HTTP", name: "socket" }, bind: "unix:///var/run/out.sock", hosts: ["./dns.example"] },
        {
          port: { number: 8888, protocol: "HTTP_PROXY", name: "proxy" },
          bind: "127.0.0.1",
          captureMode: "NONE",
          hosts: ["*/*"],
        },
        { hosts: ["*/*"] },
      ],
    }),
  ],
  [
    "a Sidecar with a proxy for everything else",
    withSidecar({
      outboundTrafficPolicy: { mode: "ALLOW_ANY", egressProxy: { host: "first.example", port: { number: 7001 } } },
    }),
  ],
];

for (const [name, input] of inputs) {
  test(`Envoy accepts ${name}`, { skip: noEnvoy }, () => {
    for (const proxy of [productpageProxy, { ...productpageProxy, capturesDns: true }, ingressProxy]) {
      envoyAccepts(staticBootstrap(input, proxy));
    }
  });
}

test("a server's certificate must have one of the names that its ServiceEntry says, unless a DestinationRule says others", () => {
  const rule = (tls: ClientTLS): DestinationRule =>
    resource("DestinationRule", "named", { host: "named.example", trafficPolicy: { tls: { mode: "SIMPLE", ...tls } } });
  const names = (tls: ClientTLS): string => {
    const input = bookinfo({
      serviceEntries: keyed([
        entry("named", {
          hosts: ["named.example"],
          ports: [{ number: 443, name: "http", protocol: "HTTP" }],
          resolution: "DNS",
          subjectAltNames: ["of-the-entry.example"],
        }),
      ]),
      destinationRules: keyed([rule(tls)]),
    });
    return JSON.stringify(staticBootstrap(input, productpageProxy));
  };
  assert.match(names({}), /of-the-entry\.example/);
  const other = names({ subjectAltNames: ["of-the-rule.example"] });
  assert.match(other, /of-the-rule\.example/);
  assert.doesNotMatch(other, /of-the-entry\.example/);
});

test("the inputs are valid", () => {
  for (const [, input] of inputs) assert.deepEqual(buildSnapshot(undefined, input, {}).problems, []);
});
