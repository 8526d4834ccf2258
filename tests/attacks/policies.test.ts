import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { keySet, rsaKey, secretToken, token, unsignedToken } from "#envoy/token.fixture.ts";
import { eventually } from "#xds/test-envoy.ts";
import { type AttackedMesh, startAttackedMesh } from "./attacked-mesh.ts";
import { rawExchange, statusesOf } from "./raw-exchange.ts";
import { startWeb, type Web } from "./web.ts";

const skip = !findEnvoy() && "there is no Envoy";

interface Ask {
  readonly target?: string;
  readonly host?: string;
  readonly headers?: readonly string[];
}

interface Answer {
  readonly status: number | undefined;
  /** What the log of the proxy says of it. */
  readonly log: string;
}

function get({ target = "/", host = "web.example.com", headers = [] }: Ask): string {
  return [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...headers, "Connection: close", "", ""].join("\r\n");
}

/** A mesh with `web` in it, and one policy at a time for its sidecar. */
function withPolicies(name: string, set: readonly string[], tests: (site: Site) => void): void {
  describe(name, { skip }, () => {
    const site = new Site();
    before(() => site.start(set));
    beforeEach(() => {
      site.web.server.requests.length = 0;
    });
    after(() => site.mesh.stop());
    tests(site);
  });
}

class Site {
  mesh!: AttackedMesh;
  web!: Web;

  async start(set: readonly string[]): Promise<void> {
    this.mesh = await startAttackedMesh(...set);
    this.web = await startWeb(this.mesh, this.mesh);
  }

  async ask(ask: Ask, place: "sidecar" | "gateway" = "sidecar"): Promise<Answer> {
    const { text, clientPort } = await rawExchange({ port: this.web[place] }, get(ask));
    return { status: statusesOf(text)[0], log: (await this.mesh.accessLog(clientPort)).join("\n") };
  }

  /** The only policy of its kind from here on, as soon as proxies have it. */
  async put(kind: string, spec: object, app = "web"): Promise<void> {
    const metadata = { name: "policy", namespace: "shop" };
    const selector = { matchLabels: { app } };
    await this.mesh.apply({
      apiVersion: "security.istio.io/v1",
      kind,
      metadata,
      spec: { selector, ...spec },
    } as object);
  }

  /** Waits until a request is answered so. */
  async becomes(ask: Ask, status: number, place: "sidecar" | "gateway" = "sidecar"): Promise<void> {
    await eventually(async () => assert.equal((await this.ask(ask, place)).status, status));
    this.web.server.requests.length = 0;
  }

  /** Refused, told in the log, and not seen by the workload. */
  async refuses(ask: Ask, status: number, log: RegExp, place: "sidecar" | "gateway" = "sidecar"): Promise<void> {
    const answer = await this.ask(ask, place);
    assert.equal(answer.status, status, JSON.stringify(ask));
    assert.match(answer.log, log);
    assert.deepEqual(this.web.server.requests, []);
  }
}

const denied = /403 - rbac_access_denied_matched_policy\[ns\[shop\]-policy\[policy\]-rule\[0\]\]/;
const notAllowed = /403 - rbac_access_denied_matched_policy\[none\]/;

withPolicies("ways around a policy for paths", [], (site) => {
  describe("that denies /admin and what is below it", () => {
    before(async () => {
      await site.put("AuthorizationPolicy", {
        action: "DENY",
        rules: [{ to: [{ operation: { paths: ["/admin", "/admin/*", "/files/{*}/secret"] } }] }],
      });
      await site.becomes({ target: "/admin" }, 403);
    });
    const targets = [
      "/admin",
      "/admin/",
      "/admin/users",
      "/./admin",
      "/public/../admin",
      "/public/%2e%2e/admin",
      "/public/%2E./admin",
      "/%61dmin",
      "/%61%64%6d%69%6e",
      "/admin?x=/public",
      "/admin/..%2f..%2fpublic",
      "/x\\..\\admin",
      "/x/..;/admin",
      "/admin/;/users",
      "/admin/a[b",
      "http://web.example.com/admin",
      "http://other.example.com/public/../admin",
      "/../../admin",
      "/files/a[b/secret",
      "/files/%2525/secret",
    ];
    for (const target of targets) test(target, () => site.refuses({ target }, 403, denied));

    for (const target of ["/public#/admin", "/admin#/public", "/admin%00", "admin", "*", "/admin\u00e9"])
      test(`${target} is no path`, () => site.refuses({ target }, 400, /400 (DPE|-) \S+/));
  });

  describe("that allows /public and what is below it", () => {
    before(async () => {
      await site.put("AuthorizationPolicy", {
        action: "ALLOW",
        rules: [{ to: [{ operation: { paths: ["/public", "/public/*"] } }] }],
      });
      await site.becomes({ target: "/nowhere" }, 403);
    });
    const targets = [
      "/admin",
      "//admin",
      "/ADMIN",
      "/Public/a",
      "/public/../admin",
      "/public/%2e%2e/admin",
      "/%70ublic/../admin",
      "/public;/../admin",
      "/publicx",
      "//public/a",
      "/public%2f..%2fadmin",
      "/public\\..\\admin",
    ];
    for (const target of targets) test(target, () => site.refuses({ target }, 403, notAllowed));

    test("what isn't decoded for the policy isn't decoded for the workload", async () => {
      const { status } = await site.ask({ target: "/public/..%2fadmin" });
      assert.equal(status, 200);
      assert.deepEqual(site.web.server.requests, ["GET /public/..%2fadmin"]);
    });
  });
});

withPolicies(
  "the same where the mesh decodes slashes",
  ["meshConfig.pathNormalization.normalization=DECODE_AND_MERGE_SLASHES"],
  (site) => {
    test("neither doubled nor encoded slashes get by", async () => {
      await site.put("AuthorizationPolicy", {
        action: "DENY",
        rules: [{ to: [{ operation: { paths: ["/admin*"] } }] }],
      });
      await site.becomes({ target: "/admin" }, 403);
      for (const target of [
        "//admin",
        "/%2fadmin",
        "/%2Fadmin",
        "/public/..%2fadmin",
        "/public%2f..%2fadmin",
        "/public/..%5cadmin",
        "///admin//users",
        "/public/%2e%2e%2fadmin",
      ])
        await site.refuses({ target }, 403, denied);
    });
  },
);

withPolicies("ways around a policy for hosts, headers and addresses", [], (site) => {
  test("a host in upper case, with a port, or said in the request line", async () => {
    const hosts = ["admin.example.com", "admin.example.com:*"];
    await site.put("AuthorizationPolicy", { action: "DENY", rules: [{ to: [{ operation: { hosts } }] }] });
    await site.becomes({ host: "admin.example.com" }, 403);
    for (const host of ["ADMIN.example.com", "Admin.Example.Com:80", "admin.example.com:8080", "admin.example.com:"])
      await site.refuses({ host }, 403, denied);
    await site.refuses({ target: "http://admin.example.com/", host: "web.example.com" }, 403, denied);
    await site.put("AuthorizationPolicy", {
      action: "ALLOW",
      rules: [{ to: [{ operation: { hosts: ["web.example.com"] } }] }],
    });
    await site.becomes({ host: "evil.org" }, 403);
    for (const host of ["web.example.com.evil.org", "web.example.com@evil.org", "evil.org", "web.example.com."])
      await site.refuses({ host }, 403, notAllowed);
    await site.refuses({ host: "web.example.com, evil.org" }, 400, /400/);
    await site.refuses({ host: "web.example.com", headers: ["Host: evil.org"] }, 403, notAllowed);
  });

  test("an identity that a client says of itself", async () => {
    const principals = ["cluster.local/ns/bank/sa/teller"];
    await site.put("AuthorizationPolicy", { action: "ALLOW", rules: [{ from: [{ source: { principals } }] }] });
    await site.becomes({}, 403);
    const identity = "spiffe://cluster.local/ns/bank/sa/teller";
    for (const header of [
      `X-Forwarded-Client-Cert: By=x;Hash=0;Subject="";URI=${identity}`,
      `X-Envoy-Peer-Metadata: ${Buffer.from("NAMESPACE=bank").toString("base64")}`,
      "X-Envoy-Peer-Metadata-Id: sidecar~10.1.1.1~teller.bank~bank.svc.cluster.local",
      `X-Istio-Attributes: ${identity}`,
      `Source-Principal: ${identity}`,
      `io.istio.peer_principal: ${identity}`,
    ])
      await site.refuses({ headers: [header] }, 403, notAllowed);
  });

  test("an address that a client says of itself, at a gateway", async () => {
    const source = { remoteIpBlocks: ["10.1.2.3"] };
    await site.put("AuthorizationPolicy", { action: "ALLOW", rules: [{ from: [{ source }] }] }, "edge");
    await site.becomes({}, 403, "gateway");
    for (const headers of [
      ["X-Forwarded-For: 10.1.2.3"],
      ["X-Forwarded-For: 10.1.2.3, 10.1.2.3"],
      ["X-Forwarded-For: 10.1.2.3", "X-Forwarded-For: 10.1.2.3"],
      ["X-Envoy-External-Address: 10.1.2.3"],
      ["X-Real-IP: 10.1.2.3"],
      ["Forwarded: for=10.1.2.3"],
      ["X-Envoy-Internal: true", "X-Forwarded-For: 10.1.2.3"],
    ])
      await site.refuses({ headers }, 403, notAllowed, "gateway");
  });

  test("what a client says to the proxies is taken away at the gateway", async () => {
    await site.put("AuthorizationPolicy", { action: "ALLOW", rules: [{}] }, "edge");
    await site.becomes({}, 200, "gateway");
    const said = {
      "x-forwarded-client-cert": "By=x;URI=spiffe://cluster.local/ns/bank/sa/teller",
      "x-envoy-internal": "true",
      "x-envoy-external-address": "10.1.2.3",
      "x-envoy-max-retries": "100",
      "x-envoy-retry-on": "5xx",
      "x-envoy-upstream-rq-timeout-ms": "1",
      "x-envoy-upstream-alt-stat-name": "evil",
      "x-envoy-force-trace": "true",
      "x-envoy-decorator-operation": "evil",
      "x-envoy-expected-rq-timeout-ms": "1",
      "x-envoy-ip-tags": "evil",
      "x-envoy-original-path": "/evil",
      "x-envoy-attempt-count": "99",
      "x-envoy-hedge-on-per-try-timeout": "true",
    };
    const headers = Object.entries(said).map(([name, value]) => `${name}: ${value}`);
    const { status } = await site.ask({ headers }, "gateway");
    assert.equal(status, 200);
    const arrived = Object.entries(said).filter(([name, value]) => site.web.server.headers[name] === value);
    assert.deepEqual(arrived, []);
  });

  // They are for parts of Istio's own proxy, which stock Envoy doesn't have; it hands them on as it does any header.
  test("what nobody here reads changes nothing", async () => {
    const headers = [
      "X-Envoy-Original-Dst-Host: 127.0.0.1:1",
      "X-Envoy-Peer-Metadata: evil",
      "X-Envoy-Peer-Metadata-Id: evil",
    ];
    for (const place of ["gateway", "sidecar"] as const) {
      await site.put("AuthorizationPolicy", { action: "ALLOW", rules: [{}] }, place === "gateway" ? "edge" : "web");
      await site.becomes({}, 200, place);
      assert.equal((await site.ask({ target: "/here", headers }, place)).status, 200);
      assert.deepEqual(site.web.server.requests, ["GET /here"]);
    }
  });
});

withPolicies("ways around a route", [], (site) => {
  test("a path is routed as it is sent on, however it is spelled", async () => {
    const route = [{ destination: { host: "web" } }];
    const http = [{ match: [{ uri: { prefix: "/admin" } }], directResponse: { status: 418 } }, { route }];
    await site.mesh.apply({
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "web", namespace: "shop" },
      spec: { hosts: ["*"], gateways: ["web"], http },
    } as object);
    await site.becomes({ target: "/admin" }, 418, "gateway");
    for (const target of [
      "/./admin",
      "/public/../admin",
      "/%61dmin",
      "/x/%2e%2e/admin",
      "/x\\..\\admin",
      "/x/..;/admin",
      "http://web.example.com/admin",
    ])
      await site.refuses({ target }, 418, /418/, "gateway");
    assert.equal((await site.ask({ target: "/admin/../public" }, "gateway")).status, 200);
    assert.deepEqual(site.web.server.requests, ["GET /public"]);
  });
});

withPolicies("ways around a policy for tokens", [], (site) => {
  const [own, strangers] = [rsaKey("one"), rsaKey("one")];
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: "issuer.example.com", sub: "alice", aud: "web", exp: now + 3_600 };
  const bearer = (text: string): Ask => ({ headers: [`Authorization: Bearer ${text}`] });
  const pem = own.publicKey.export({ type: "spki", format: "pem" });
  before(async () => {
    const jwtRules = [{ issuer: claims.iss, audiences: ["web"], jwks: keySet(own) }];
    await site.put("RequestAuthentication", { jwtRules });
    const source = { requestPrincipals: ["issuer.example.com/alice"] };
    await site.put("AuthorizationPolicy", { action: "ALLOW", rules: [{ from: [{ source }] }] });
    await site.becomes({}, 403);
    await site.becomes(bearer(token(own, claims)), 200);
  });

  const failed = (why: string): RegExp => new RegExp(`401 - jwt_authn_access_denied\\{${why}`);
  const tokens: Readonly<Record<string, readonly [string, number, RegExp]>> = {
    "a stranger's": [token(strangers, claims), 401, failed("Jwt_verification_fails")],
    expired: [token(own, { ...claims, exp: now - 3_600 }), 401, failed("Jwt_is_expired")],
    "of another audience": [
      token(own, { ...claims, aud: "bank" }),
      403,
      /403 - jwt_authn_access_denied\{Audiences_in_Jwt_are_not_allowed/,
    ],
    "of another issuer": [token(own, { ...claims, iss: "evil" }), 401, failed("Jwt_issuer_is_not_configured")],
    "of another subject": [token(own, { ...claims, sub: "mallory" }), 403, notAllowed],
    unsigned: [unsignedToken(claims), 401, failed("Jwt_is_not_in_the_form")],
    "signed with the public key as a secret": [secretToken(pem, claims, "one"), 401, failed("Jwt_")],
    "that is none": ["x", 401, failed("Jwt_is_not_in_the_form")],
  };
  for (const [name, [text, status, log]] of Object.entries(tokens))
    test(`a token ${name}`, () => site.refuses(bearer(text), status, log));

  test("no token, or one where none is looked for", async () => {
    const good = token(own, claims);
    for (const headers of [
      [],
      [`X-Authorization: Bearer ${good}`],
      [`Authorization: ${good}`],
      [`Authorization: Basic ${good}`],
      [`Cookie: token=${good}`],
    ])
      await site.refuses({ headers }, 403, notAllowed);
  });

  test("claims that a client says of itself", () =>
    site.refuses(
      { headers: ["X-Jwt-Payload: {}", "Request-Auth-Principal: issuer.example.com/alice"] },
      403,
      notAllowed,
    ));

  test("a good token beside a bad one", async () => {
    const headers = [
      `Authorization: Bearer ${token(strangers, claims)}`,
      `Authorization: Bearer ${token(own, claims)}`,
    ];
    const { status } = await site.ask({ headers });
    assert.notEqual(status, 200);
  });
});
