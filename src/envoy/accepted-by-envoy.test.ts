import { test } from "node:test";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import type { MeshInput } from "#snapshot/input.ts";
import {
  bookinfo,
  destinationRule,
  gateway,
  ingressProxy,
  keyed,
  productpageProxy,
  virtualService,
} from "./bookinfo.fixture.ts";
import { envoyAccepts, noEnvoy, staticBootstrap } from "./static-bootstrap.fixture.ts";

const everything: MeshInput = bookinfo({
  meshConfig: { ...defaultMeshConfig, accessLogFile: "/dev/null" },
  virtualServices: keyed([
    virtualService("reviews", {
      hosts: ["reviews"],
      http: [
        {
          match: [
            {
              headers: { "end-user": { exact: "jason" } },
              queryParams: { q: { regex: "a+" } },
              uri: { regex: "/r/.*" },
            },
          ],
          fault: {
            delay: { percentage: { value: 50 }, fixedDelay: "7s" },
            abort: { httpStatus: 500, percentage: { value: 1 } },
          },
          route: [{ destination: { host: "reviews", subset: "v2" } }],
        },
        { match: [{ uri: { exact: "/old" } }], redirect: { uri: "/new", redirectCode: 308 } },
        { match: [{ uri: { prefix: "/tea" } }], directResponse: { status: 418, body: { string: "short and stout" } } },
        {
          rewrite: { uriRegexRewrite: { match: "^/a(.*)", rewrite: "/b\\1" }, authority: "other" },
          mirror: { host: "ratings", port: { number: 9080 } },
          corsPolicy: { allowOrigins: [{ regex: "https://.*" }], maxAge: "24h", allowMethods: ["GET"] },
          headers: { request: { set: { "x-a": "%DOWNSTREAM_REMOTE_ADDRESS%" }, remove: ["x-b"] } },
          retries: { attempts: 3, perTryTimeout: "2s", retryOn: "5xx,429", retryRemoteLocalities: true },
          timeout: "10s",
          route: [
            {
              destination: { host: "reviews", subset: "v1" },
              weight: 80,
              headers: { response: { add: { "x-v": "1" } } },
            },
            { destination: { host: "reviews", subset: "v3" }, weight: 20 },
          ],
        },
      ],
    }),
    virtualService("mongo", {
      hosts: ["mongodb"],
      tcp: [
        {
          route: [
            { destination: { host: "mongodb" }, weight: 70 },
            { destination: { host: "ratings" }, weight: 30 },
          ],
        },
      ],
    }),
    virtualService("web", {
      hosts: ["*"],
      gateways: ["front"],
      http: [{ match: [{ uri: { exact: "/productpage" } }], route: [{ destination: { host: "productpage" } }] }],
      tls: [
        { match: [{ port: 15443, sniHosts: ["pass.example.com"] }], route: [{ destination: { host: "mongodb" } }] },
      ],
    }),
  ]),
  destinationRules: keyed([
    destinationRule("reviews", {
      host: "reviews",
      trafficPolicy: {
        loadBalancer: { consistentHash: { httpCookie: { name: "user", ttl: "0s" }, maglev: { tableSize: 1021 } } },
        connectionPool: {
          tcp: {
            maxConnections: 1,
            connectTimeout: "30ms",
            tcpKeepalive: { time: "7200s", probes: 3 },
            idleTimeout: "1h",
          },
          http: {
            h2UpgradePolicy: "UPGRADE",
            maxConcurrentStreams: 100,
            maxRequestsPerConnection: 10,
            http2KeepAlive: { interval: "15s", timeout: "5s" },
          },
        },
        outlierDetection: {
          consecutive5xxErrors: 1,
          consecutiveGatewayErrors: 2,
          splitExternalLocalOriginErrors: true,
          consecutiveLocalOriginFailures: 3,
          interval: "1s",
          baseEjectionTime: "3m",
          maxEjectionPercent: 100,
          minHealthPercent: 30,
          outlierDetectionHttpErrorCodes: [500, 429],
        },
        retryBudget: { percent: 25, minRetryConcurrency: 5 },
        tls: {
          mode: "MUTUAL",
          clientCertificate: "/etc/certs/cert.pem",
          privateKey: "/etc/certs/key.pem",
          caCertificates: "/etc/certs/ca.pem",
          subjectAltNames: ["reviews.example.com"],
        },
        proxyProtocol: { version: "V2" },
      },
      subsets: ["v1", "v2", "v3"].map((version) => ({ name: version, labels: { version } })),
    }),
    destinationRule("ratings", {
      host: "ratings",
      trafficPolicy: {
        loadBalancer: { simple: "ROUND_ROBIN", warmup: { duration: "30s", aggression: 1.5 } },
        tls: { mode: "SIMPLE", credentialName: "ratings-ca" },
      },
    }),
    destinationRule("details", {
      host: "details",
      trafficPolicy: {
        loadBalancer: {
          consistentHash: {
            httpCookie: { name: "user", ttl: "60s", attributes: [{ name: "SameSite", value: "Lax" }] },
            ringHash: { minimumRingSize: 64 },
          },
        },
        tls: { mode: "SIMPLE", insecureSkipVerify: true },
        proxyProtocol: { version: "V1" },
      },
    }),
    destinationRule("mongodb", {
      host: "mongodb",
      trafficPolicy: {
        connectionPool: { tcp: { idleTimeout: "1h", maxConnectionDuration: "2h" } },
        loadBalancer: { consistentHash: { useSourceIp: true } },
        tunnel: { protocol: "POST", targetHost: "mongo.example.com", targetPort: 27017 },
      },
    }),
  ]),
  gateways: keyed([
    gateway("front", {
      selector: { istio: "ingressgateway" },
      servers: [
        { port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] },
        {
          port: { number: 443, name: "https", protocol: "HTTPS" },
          hosts: ["*/shop.example.com", "*-shop.example.com"],
          tls: { mode: "MUTUAL", credentialName: "shop", minProtocolVersion: "TLSV1_2" },
        },
        {
          port: { number: 443, name: "https-rest", protocol: "HTTPS" },
          hosts: ["*"],
          tls: { mode: "SIMPLE", serverCertificate: "/etc/certs/cert.pem", privateKey: "/etc/certs/key.pem" },
        },
        { port: { number: 0, name: "socket", protocol: "HTTP" }, hosts: ["*"], bind: "unix:///tmp/weft-test.sock" },
        {
          port: { number: 15443, name: "tls", protocol: "TLS" },
          hosts: ["*.example.com"],
          tls: { mode: "PASSTHROUGH" },
        },
        {
          port: { number: 15444, name: "mesh", protocol: "HTTPS" },
          hosts: ["mesh.example.com"],
          tls: { mode: "ISTIO_MUTUAL", minProtocolVersion: "TLSV1_3", subjectAltNames: ["spiffe://a/ns/b/sa/c"] },
        },
        {
          port: { number: 15444, name: "own", protocol: "HTTPS" },
          hosts: ["own.example.com"],
          tls: {
            mode: "OPTIONAL_MUTUAL",
            credentialName: "builtin://",
            ecdhCurves: ["X25519MLKEM768", "P-256", "no-curve"],
            cipherSuites: ["ECDHE-RSA-AES128-GCM-SHA256", "no-suite"],
          },
        },
        {
          port: { number: 15445, name: "between", protocol: "TLS" },
          hosts: ["*.local"],
          tls: { mode: "AUTO_PASSTHROUGH" },
        },
      ],
    }),
  ]),
});

/** The same mesh, in which everybody has a sidecar and TLS is set in every way there is. */
const secured: MeshInput = {
  ...everything,
  meshConfig: {
    ...defaultMeshConfig,
    trustDomainAliases: ["old.example"],
    meshMtls: {
      minProtocolVersion: "TLSV1_3",
      cipherSuites: ["ECDHE-ECDSA-AES256-GCM-SHA384"],
      ecdhCurves: ["P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"],
    },
    tlsDefaults: { cipherSuites: ["ECDHE-RSA-AES128-GCM-SHA256"], ecdhCurves: ["P-256"] },
  },
  pods: new Map(
    [...everything.pods].map(([key, { metadata, ...rest }]) => [
      key,
      { ...rest, metadata: { ...metadata, labels: { ...metadata?.labels, "security.istio.io/tlsMode": "istio" } } },
    ]),
  ),
  // What DestinationRules set would be in the place of the mesh's own.
  destinationRules: new Map(),
  peerAuthentications: keyed([
    {
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata: { name: "ports", namespace: "default" },
      spec: {
        selector: { matchLabels: { app: "productpage" } },
        portLevelMtls: { 8080: { mode: "STRICT" }, 9080: { mode: "DISABLE" }, 9999: { mode: "PERMISSIVE" } },
      },
    },
  ]),
};

test("Envoy accepts a sidecar's configuration", { skip: noEnvoy }, () =>
  envoyAccepts(staticBootstrap(everything, productpageProxy)),
);
test("Envoy accepts a gateway's configuration", { skip: noEnvoy }, () =>
  envoyAccepts(staticBootstrap(everything, ingressProxy)),
);
test("Envoy accepts mutual TLS with every setting", { skip: noEnvoy }, () => {
  for (const proxy of [productpageProxy, ingressProxy]) envoyAccepts(staticBootstrap(secured, proxy));
});
