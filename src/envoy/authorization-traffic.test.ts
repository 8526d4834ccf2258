import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, request as requestHttp, type Server } from "node:http";
import { request as requestHttps } from "node:https";
import { connect, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { Service } from "kubernetes-types/core/v1.d.ts";
import type {
  AuthorizationPolicy,
  AuthorizationPolicySpec,
  AuthorizationRule,
} from "#api/istio/authorization-policy.ts";
import type { ExtensionProvider } from "#api/istio/extension-provider.ts";
import type { RequestAuthentication } from "#api/istio/request-authentication.ts";
import { defaultMeshConfig, type MeshConfig } from "#model/mesh-config.ts";
import { eventually, spawnEnvoy } from "#xds/test-envoy.ts";
import { bookinfo, gateway, ingressProxy, keyed, pod, virtualService } from "./bookinfo.fixture.ts";
import { type Answer, freePort, listening, loopbackSlice } from "./running-gateway.fixture.ts";
import { certificateFor, noEnvoy, staticBootstrap } from "./static-bootstrap.fixture.ts";

interface Call {
  readonly path?: string;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Identity of the client, which comes over mutual TLS. */
  readonly as?: string;
}

/** An ALLOW rule, which is for one host, and calls to this host. */
interface Case {
  readonly rule: AuthorizationRule;
  readonly passes: readonly Call[];
  readonly fails: readonly Call[];
}

const spiffe = (account: string, namespace = "shop", domain = "cluster.local"): string =>
  `spiffe://${domain}/ns/${namespace}/sa/${account}`;
const alice: Call = { as: spiffe("alice") };
const keys = await generateKeyPair("RS256");
const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), alg: "RS256", kid: "a" }] });

async function token(claims: Readonly<Record<string, unknown>>): Promise<Record<string, string>> {
  const jwt = await new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "RS256", kid: "a" })
    .setIssuer("https://issuer.test")
    .setExpirationTime("1h")
    .sign(keys.privateKey);
  return { authorization: `Bearer ${jwt}` };
}
const bob = await token({ sub: "bob", aud: ["web", "api"], azp: "cli", groups: ["dev", "ops"], org: { unit: "x" } });
const eve = await token({ sub: "eve", aud: "other", groups: "sales" });

const source = (one: NonNullable<NonNullable<AuthorizationRule["from"]>[number]["source"]>): AuthorizationRule => ({
  from: [{ source: one }],
});
const operation = (one: NonNullable<NonNullable<AuthorizationRule["to"]>[number]["operation"]>): AuthorizationRule => ({
  to: [{ operation: one }],
});
const when = (key: string, ...values: readonly string[]): AuthorizationRule => ({ when: [{ key, values }] });
const unless = (key: string, ...notValues: readonly string[]): AuthorizationRule => ({ when: [{ key, notValues }] });

const cases: Readonly<Record<string, Case>> = {
  "a principal": {
    rule: source({ principals: ["cluster.local/ns/shop/sa/alice"] }),
    passes: [alice],
    fails: [{}, { as: spiffe("bob") }, { as: spiffe("alice", "other") }, { as: spiffe("alice-2") }],
  },
  "principals by prefix and suffix": {
    rule: source({ principals: ["cluster.local/ns/a*", "*/sa/carol"] }),
    passes: [{ as: spiffe("x", "abc") }, { as: spiffe("carol", "other") }],
    fails: [{}, alice, { as: spiffe("carol2") }],
  },
  "any peer with mutual TLS": { rule: source({ principals: ["*"] }), passes: [alice], fails: [{}] },
  "who isn't a principal, which plain text isn't either": {
    rule: source({ notPrincipals: ["cluster.local/ns/shop/sa/alice"] }),
    passes: [{}, { as: spiffe("bob") }],
    fails: [alice],
  },
  "a namespace": {
    rule: source({ namespaces: ["shop", "team-*"] }),
    passes: [alice, { as: spiffe("x", "team-1") }],
    fails: [{}, { as: spiffe("x", "shop2") }, { as: spiffe("shop", "other") }],
  },
  "service accounts, of the policy's namespace unless said": {
    rule: source({ serviceAccounts: ["gate", "shop/alice"] }),
    passes: [alice, { as: spiffe("gate", "istio-system") }],
    fails: [{}, { as: spiffe("gate") }, { as: spiffe("alice", "other") }],
  },
  "a trust domain and its aliases": {
    rule: source({ trustDomains: ["cluster.local"] }),
    passes: [alice, { as: spiffe("alice", "shop", "old-td") }],
    fails: [{}, { as: spiffe("alice", "shop", "elsewhere.test") }],
  },
  "an address that the connection is from": {
    rule: source({ ipBlocks: ["127.0.0.0/8"] }),
    passes: [{}, { headers: { "x-forwarded-for": "10.1.1.1" } }],
    fails: [],
  },
  "an address that it isn't from": { rule: source({ notIpBlocks: ["127.0.0.1"] }), passes: [], fails: [{}] },
  "an address that a trusted proxy tells": {
    rule: source({ remoteIpBlocks: ["10.1.0.0/16"] }),
    passes: [{ headers: { "x-forwarded-for": "10.1.2.3" } }],
    fails: [
      {},
      { headers: { "x-forwarded-for": "10.2.2.3" } },
      { headers: { "x-forwarded-for": "10.1.2.3, 1.1.1.1" } },
    ],
  },
  "a token's principal": {
    rule: source({ requestPrincipals: ["https://issuer.test/bob"] }),
    passes: [{ headers: bob }],
    fails: [{}, { headers: eve }],
  },
  "any token": { rule: source({ requestPrincipals: ["*"] }), passes: [{ headers: bob }], fails: [{}] },
  "no token": { rule: source({ notRequestPrincipals: ["*"] }), passes: [{}], fails: [{ headers: bob }] },
  "an audience": {
    rule: when("request.auth.audiences", "api"),
    passes: [{ headers: bob }],
    fails: [{}, { headers: eve }],
  },
  "a presenter": { rule: when("request.auth.presenter", "cli"), passes: [{ headers: bob }], fails: [{ headers: eve }] },
  "a claim that is a list or a text": {
    rule: when("request.auth.claims[groups]", "ops", "sa*"),
    passes: [{ headers: bob }, { headers: eve }],
    fails: [{}],
  },
  "a claim within a claim": {
    rule: when("request.auth.claims[org][unit]", "x"),
    passes: [{ headers: bob }],
    fails: [{}, { headers: eve }],
  },
  "a method": {
    rule: operation({ methods: ["GET", "P*"] }),
    passes: [{}, { method: "PUT" }, { method: "POST" }],
    fails: [{ method: "DELETE" }, { method: "OPTIONS" }],
  },
  "not a method": { rule: operation({ notMethods: ["DELETE"] }), passes: [{}], fails: [{ method: "DELETE" }] },
  "paths, whatever the query": {
    rule: operation({ paths: ["/exact", "/pre/*", "*.png"] }),
    passes: [{ path: "/exact" }, { path: "/exact?a=/b" }, { path: "/pre/x/y" }, { path: "/a/b.png?x=1" }],
    fails: [{ path: "/exact/" }, { path: "/Exact" }, { path: "/pre" }, { path: "/a.png/b" }, { path: "/x?/exact" }],
  },
  "paths that were made plain": {
    rule: operation({ paths: ["/public*"] }),
    passes: [{ path: "/a/../public" }, { path: "/./public/x" }],
    fails: [{ path: "/public/../secret" }, { path: "/public/%2e%2e/secret" }, { path: "/%2e/secret" }],
  },
  "templates of paths": {
    rule: operation({ paths: ["/store/{*}/cart", "/files/{**}"] }),
    passes: [{ path: "/store/1/cart" }, { path: "/files/a/b/c" }],
    fails: [{ path: "/store/1/2/cart" }, { path: "/store/cart" }, { path: "/store/1/cart/2" }],
  },
  "not a path": { rule: operation({ notPaths: ["/admin*"] }), passes: [{ path: "/" }], fails: [{ path: "/admin/x" }] },
  "a header": {
    rule: when("request.headers[X-Color]", "red", "gr*", "*ue"),
    passes: ["red", "green", "blue"].map((color) => ({ headers: { "x-color": color } })),
    fails: [{}, { headers: { "x-color": "Red" } }, { headers: { "x-color": "redd" } }],
  },
  "that a header is there": {
    rule: when("request.headers[x-any]", "*"),
    passes: [{ headers: { "x-any": "1" } }],
    fails: [{}],
  },
  "that a header isn't there": {
    rule: unless("request.headers[x-any]", "*"),
    passes: [{}],
    fails: [{ headers: { "x-any": "1" } }],
  },
  "one value in a header": {
    rule: when("request.experimental.inline.headers[x-list]", "b"),
    passes: [{ headers: { "x-list": "a,b,c" } }, { headers: { "x-list": "b" } }],
    fails: [{}, { headers: { "x-list": "a,bc" } }],
  },
  "a name of the server that TLS is opened for": {
    rule: when("connection.sni", "*.example"),
    passes: [alice],
    fails: [{}],
  },
  "all parts of a rule": {
    rule: {
      ...source({ principals: ["cluster.local/ns/shop/sa/alice"], notIpBlocks: ["10.0.0.0/8"] }),
      ...operation({ methods: ["GET"], paths: ["/info*"] }),
      ...when("request.headers[x-a]", "1"),
    },
    passes: [{ ...alice, path: "/info/1", headers: { "x-a": "1" } }],
    fails: [
      { path: "/info/1", headers: { "x-a": "1" } },
      { ...alice, path: "/info/1" },
      { ...alice, path: "/info/1", method: "POST", headers: { "x-a": "1" } },
      { ...alice, path: "/other", headers: { "x-a": "1" } },
    ],
  },
};

const service: Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "ext-authz", namespace: "default" },
  spec: {
    clusterIP: "10.96.0.77",
    selector: { app: "ext-authz" },
    ports: [
      { name: "http", port: 8000 },
      { name: "grpc", port: 9000 },
      { name: "http-dead", port: 8001 },
    ],
  },
};
const at = { service: "ext-authz.default.svc.cluster.local" };
const good = { "x-ext-authz": "allow" };
const bad = { "x-ext-authz": "deny" };

let created = 0;
function policy(name: string, spec: AuthorizationPolicySpec, annotations: Record<string, string> = {}) {
  const creationTimestamp = new Date(Date.UTC(2026, 0, 1) + created++ * 1000).toISOString();
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name, namespace: "istio-system", creationTimestamp, annotations },
    spec,
  } satisfies AuthorizationPolicy;
}

const tokens: RequestAuthentication = {
  apiVersion: "security.istio.io/v1",
  kind: "RequestAuthentication",
  metadata: { name: "tokens", namespace: "istio-system" },
  spec: { jwtRules: [{ issuer: "https://issuer.test", jwks }] },
};

describe("who may call", { skip: noEnvoy }, () => {
  const ends: (() => unknown)[] = [];
  let backend: Server;
  let backendPort = 0;

  before(async () => {
    backend = createServer((request, response) => {
      response.setHeader("x-seen", String(request.headers["x-ext-authz-check-result"] ?? ""));
      response.end("inside");
    });
    backendPort = await listening(backend);
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
    backend.close().closeAllConnections();
  });

  /** A gateway with a port for plain text and one for mutual TLS. */
  async function start(
    policies: readonly AuthorizationPolicy[],
    mesh: Partial<MeshConfig> = {},
    authorizers: readonly (readonly [service: Service, portName: string, port: number])[] = [],
    severalAuthorizers = false,
  ) {
    const [plain, secure] = [await freePort(), await freePort()];
    const hosts = ["*"];
    const input = bookinfo({
      pods: keyed([pod("reviews-v1", "127.0.0.1", { version: "v1" }), pod("authz", "127.0.0.1", {})]),
      endpointSlices: keyed([
        loopbackSlice("reviews", "reviews-v1", backendPort),
        ...authorizers.map(([service, name, port]) => ({
          ...loopbackSlice(service.metadata?.name ?? "", "authz", port, name),
          metadata: {
            name,
            namespace: "default",
            labels: { "kubernetes.io/service-name": service.metadata?.name ?? "" },
          },
        })),
      ]),
      virtualServices: keyed([
        virtualService("all", {
          hosts,
          gateways: ["front"],
          http: [{ route: [{ destination: { host: "reviews" } }] }],
        }),
      ]),
      gateways: keyed([
        gateway("front", {
          selector: { istio: "ingressgateway" },
          servers: [
            { port: { number: plain, name: "http", protocol: "HTTP" }, hosts, bind: "127.0.0.1" },
            {
              port: { number: secure, name: "https", protocol: "HTTPS" },
              tls: { mode: "MUTUAL", credentialName: "any" },
              hosts,
              bind: "127.0.0.1",
            },
          ],
        }),
      ]),
      authorizationPolicies: keyed(policies),
      requestAuthentications: keyed([tokens]),
      meshConfig: { ...defaultMeshConfig, trustDomainAliases: ["old-td"], ...mesh },
    });
    const services = new Map([...input.services, ...keyed(authorizers.map(([service]) => service))]);
    const proxy = {
      ...ingressProxy,
      name: "elsewhere",
      metadata: { PROXY_CONFIG: { gatewayTopology: { numTrustedProxies: 1 } } },
    };
    const bootstrap = staticBootstrap({ ...input, services, severalAuthorizers }, proxy);
    const { adminPort } = await spawnEnvoy({ after: (end) => void ends.push(end) }, bootstrap);
    await eventually(async () => assert.equal((await ask(adminPort, { path: "/ready" })).status, 200));
    return {
      ask: (call: Call) => ask(call.as === undefined ? plain : secure, call),
      stat: async (name: string) => {
        const { body } = await ask(adminPort, { path: `/stats?filter=${name}` });
        return [...body.matchAll(/: (\d+)$/gm)].reduce((sum, [, value]) => sum + Number(value), 0);
      },
    };
  }

  test("each attribute, in ALLOW", async (t) => {
    const host = (index: number): string => `case-${index}.test`;
    const policies = Object.values(cases).map(({ rule }, index) => {
      const to = (rule.to ?? [{}]).map((one) => ({ operation: { ...one.operation, hosts: [host(index)] } }));
      return policy(`case-${index}`, { rules: [{ ...rule, to }] });
    });
    const running = await start(policies);
    for (const [index, [name, { passes, fails }]] of Object.entries(cases).entries()) {
      await t.test(name, async () => {
        for (const [calls, wanted] of [
          [passes, 200],
          [fails, 403],
        ] as const)
          for (const call of calls) {
            const { status, body } = await running.ask({ host: host(index), ...call });
            assert.equal(status, wanted, `${JSON.stringify(call)}: ${body}`);
          }
      });
    }
    assert.equal((await running.ask({ host: "nobody.test" })).body, "RBAC: access denied");
  });

  test("hosts have no case, and their ports count", async () => {
    const running = await start([policy("a", operationPolicy({ hosts: ["a.test", "b.test:*", "*.c.test"] }))]);
    for (const host of ["a.test", "A.Test", "b.test:80", "x.C.test"])
      assert.equal((await running.ask({ host })).status, 200, host);
    for (const host of ["a.test:80", "b.test", "c.test", "a.test.evil"])
      assert.equal((await running.ask({ host })).status, 403, host);
  });

  test("nothing is allowed by an empty policy, DENY wins over ALLOW, and AUDIT and dry runs change nothing", async () => {
    const nothing = await start([policy("nothing", {})]);
    assert.equal((await nothing.ask({})).status, 403);
    const running = await start([
      policy("all", { rules: [{}] }),
      policy("audit", { action: "AUDIT", rules: [{}] }),
      policy("no-admin", {
        action: "DENY",
        rules: [{ ...operation({ paths: ["/admin*"] }), ...unless("request.headers[x]", "1") }],
      }),
      policy("dry-deny", { action: "DENY", rules: [{}] }, { "istio.io/dry-run": "true" }),
      policy("dry-allow", operationPolicy({ paths: ["/never"] }), { "istio.io/dry-run": "true" }),
    ]);
    assert.equal((await running.ask({ path: "/x" })).status, 200);
    assert.equal((await running.ask({ path: "/admin" })).status, 403);
    assert.equal((await running.ask({ path: "/admin", headers: { x: "1" } })).status, 200);
    assert.equal(await running.stat("istio_dry_run_deny_.shadow_denied"), 3);
    assert.equal(await running.stat("istio_dry_run_allow_.shadow_denied"), 2);
  });

  test("connections that aren't HTTP: by what they have, with no more allowed and no less forbidden than is said", async () => {
    const echo = createTcpServer((socket) => socket.on("error", () => {}).pipe(socket));
    const echoPort = await listening(echo);
    const through = async (...policies: readonly AuthorizationPolicy[]): Promise<boolean> => {
      const at = await freePort();
      const input = bookinfo({
        pods: keyed([pod("mongodb", "127.0.0.1", {})]),
        endpointSlices: keyed([loopbackSlice("mongodb", "mongodb", echoPort, "mongo")]),
        virtualServices: keyed([
          virtualService("tcp", {
            hosts: ["*"],
            gateways: ["front"],
            tcp: [{ route: [{ destination: { host: "mongodb" } }] }],
          }),
        ]),
        gateways: keyed([
          gateway("front", {
            selector: { istio: "ingressgateway" },
            servers: [{ port: { number: at, name: "tcp", protocol: "TCP" }, hosts: ["*"], bind: "127.0.0.1" }],
          }),
        ]),
        authorizationPolicies: keyed(policies),
      });
      const bootstrap = staticBootstrap(input, { ...ingressProxy, name: "elsewhere" });
      const { adminPort } = await spawnEnvoy({ after: (end) => void ends.push(end) }, bootstrap);
      await eventually(async () => assert.equal((await ask(adminPort, { path: "/ready" })).status, 200));
      return await echoes(at);
    };
    const here = source({ ipBlocks: ["127.0.0.0/8"] });
    const deny = (rule: AuthorizationRule) => policy("deny", { action: "DENY", rules: [rule] });
    assert.equal(await through(policy("here", { rules: [here] })), true);
    assert.equal(await through(policy("elsewhere", { rules: [source({ notIpBlocks: ["127.0.0.0/8"] })] })), false);
    assert.equal(await through(policy("get", { rules: [{ ...here, ...operation({ methods: ["GET"] }) }] })), false);
    assert.equal(await through(deny(operation({ methods: ["GET"] }))), false);
    assert.equal(await through(deny(operation({ methods: ["GET"], ports: ["1"] }))), true);
    assert.equal(await through(policy("dry", {}, { "istio.io/dry-run": "true" })), true);
    echo.close();
  });

  test("paths are made plain as far as the mesh says", async () => {
    const policies = [policy("no-admin", { action: "DENY", rules: [operation({ paths: ["/admin"] })] })];
    const tricks = { base: "/x/../admin", slashes: "//admin", escaped: "/x%2f..%2fadmin" };
    const expected = {
      NONE: { base: 200, slashes: 200, escaped: 200 },
      BASE: { base: 403, slashes: 200, escaped: 200 },
      MERGE_SLASHES: { base: 403, slashes: 403, escaped: 200 },
      DECODE_AND_MERGE_SLASHES: { base: 403, slashes: 403, escaped: 403 },
    } as const;
    for (const pathNormalization of Object.keys(expected) as (keyof typeof expected)[]) {
      const running = await start(policies, { pathNormalization });
      const found: Record<string, number> = {};
      for (const [name, path] of Object.entries(tricks)) found[name] = (await running.ask({ path })).status;
      assert.deepEqual(found, expected[pathNormalization], pathNormalization);
    }
  });

  test("somebody else decides, over HTTP and gRPC; without a decision nothing passes unless it may", async () => {
    const [http, grpc] = await startAuthorizer();
    const asked = policy("asked", {
      action: "CUSTOM",
      provider: { name: "it" },
      rules: [operation({ paths: ["/asked*"] })],
    });
    const run = async (provider: Omit<ExtensionProvider, "name">, called = "it") =>
      await start([asked], { extensionProviders: [{ name: called, ...provider }] }, [
        [service, "http", http],
        [service, "grpc", grpc],
        [service, "http-dead", await freePort()],
      ]);
    const overHttp = await run({
      envoyExtAuthzHttp: {
        ...at,
        port: 8000,
        includeRequestHeadersInCheck: ["x-ext-authz"],
        includeAdditionalHeadersInCheck: { "x-ext-authz-additional-header-override": "set" },
        headersToUpstreamOnAllow: ["x-ext-authz-check-result"],
        headersToDownstreamOnDeny: ["x-ext-authz-*"],
      },
    });
    const overGrpc = await run({ envoyExtAuthzGrpc: { ...at, port: 9000, timeout: "5s" } });
    for (const running of [overHttp, overGrpc]) {
      const allowed = await running.ask({ path: "/asked", headers: good });
      assert.deepEqual([allowed.status, allowed.body, allowed.headers["x-seen"]], [200, "inside", "allowed"]);
      const denied = await running.ask({ path: "/asked", headers: bad });
      assert.equal(denied.status, 403);
      assert.match(denied.body, /^denied by ext_authz/);
      assert.equal((await running.ask({ path: "/free", headers: bad })).status, 200);
    }
    const { headers } = await overHttp.ask({ path: "/asked", headers: bad });
    assert.equal(headers["x-ext-authz-additional-header-override"], "set");

    const withBody = await run({
      envoyExtAuthzHttp: {
        ...at,
        port: 8000,
        includeRequestHeadersInCheck: ["x-ext-authz"],
        includeRequestBodyInCheck: { maxRequestBytes: 3_000_000 },
      },
    });
    for (const [size, wanted] of [
      [2_000_000, 200],
      [4_000_000, 413],
    ] as const) {
      const call = { path: "/asked", method: "POST", headers: good, body: "x".repeat(size) };
      assert.equal((await withBody.ask(call)).status, wanted, `${size} bytes`);
    }

    const dead = { ...at, port: 8001, timeout: "1s" };
    const closed = await run({ envoyExtAuthzHttp: { ...dead, statusOnError: "503" } });
    assert.equal((await closed.ask({ path: "/asked", headers: good })).status, 503);
    const open = await run({ envoyExtAuthzHttp: { ...dead, failOpen: true } });
    assert.equal((await open.ask({ path: "/asked", headers: bad })).status, 200);
    const unknown = await run({ envoyExtAuthzHttp: { ...at, port: 8000 } }, "another");
    assert.equal((await unknown.ask({ path: "/asked", headers: good })).status, 403);
    assert.equal((await unknown.ask({ path: "/free" })).status, 200);
  });

  test("of several who decide for one workload all must agree, if there may be several at all", async () => {
    const [http, grpc] = await startAuthorizer();
    const extensionProviders = [
      { name: "a", envoyExtAuthzHttp: { ...at, port: 8000, includeRequestHeadersInCheck: ["x-ext-authz"] } },
      { name: "ab", envoyExtAuthzGrpc: { ...at, port: 9000 } },
      { name: "dead", envoyExtAuthzHttp: { ...at, port: 8001 } },
    ];
    const asks = (name: string, ...paths: readonly string[]): AuthorizationPolicy =>
      policy(name, { action: "CUSTOM", provider: { name }, rules: [operation({ paths })] });
    const policies = [asks("a", "/a", "/both", "/all"), asks("ab", "/ab", "/both", "/all"), asks("dead", "/all")];
    const at3 = [
      [service, "http", http],
      [service, "grpc", grpc],
      [service, "http-dead", await freePort()],
    ] as const;
    const several = await start(policies, { extensionProviders }, at3, true);
    for (const [path, headers, wanted] of [
      ["/a", good, 200],
      ["/ab", good, 200],
      ["/both", good, 200],
      ["/a", bad, 403],
      ["/ab", bad, 403],
      ["/both", bad, 403],
      ["/all", good, 403],
      ["/free", bad, 200],
    ] as const)
      assert.equal((await several.ask({ path, headers })).status, wanted, `${path} ${JSON.stringify(headers)}`);
    const one = await start(policies, { extensionProviders }, at3);
    assert.equal((await one.ask({ path: "/a", headers: good })).status, 403);
    assert.equal((await one.ask({ path: "/free" })).status, 200);
  });

  /** The sample `extauthz`; its ports for HTTP and gRPC. */
  async function startAuthorizer(): Promise<readonly [number, number]> {
    const main = join(import.meta.dirname, "../../samples/extauthz/src/main.ts");
    const child = spawn(process.execPath, [main, "-http", "0", "-grpc", "0"], { stdio: ["ignore", "pipe", "inherit"] });
    ends.push(async () => {
      child.kill();
      if (child.exitCode === null) await once(child, "exit");
    });
    let output = "";
    child.stdout.on("data", (data: Buffer) => {
      output += data.toString();
    });
    return await eventually(() => {
      const port = (what: string): number => Number(new RegExp(`${what} server at .*:(\\d+)`).exec(output)?.[1]);
      assert(port("HTTP") > 0 && port("gRPC") > 0, output);
      return [port("HTTP"), port("gRPC")] as const;
    });
  }
});

/** Whether what is sent comes back, before the connection is closed. */
async function echoes(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    socket.write("ping");
    return await new Promise<boolean>((resolve) => {
      socket.once("data", (data) => resolve(data.toString() === "ping"));
      socket.once("close", () => resolve(false));
      socket.once("error", () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

function operationPolicy(one: Parameters<typeof operation>[0]): AuthorizationPolicySpec {
  return { rules: [operation(one)] };
}

async function ask(
  port: number,
  { path = "/", method = "GET", host = "a.test", headers = {}, body: sent, as }: Call,
): Promise<Answer> {
  const options = { host: "127.0.0.1", port, path, method, agent: false, headers: { host, ...headers } };
  const outgoing =
    as === undefined
      ? requestHttp(options)
      : requestHttps({ ...options, ...certificateFor({ uri: as }), servername: "test.example" });
  outgoing.on("error", () => {}).end(sent);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let body = "";
  for await (const part of response) body += String(part);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}
