import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, before, describe, test } from "node:test";
import type { JWTRule, RequestAuthentication } from "#api/istio/request-authentication.ts";
import type { HTTPRoute } from "#api/istio/virtual-service.ts";
import type { KeyReader } from "#snapshot/token-keys.ts";
import { bookinfo, destinationRule, gateway, keyed, pod, virtualService } from "./bookinfo.fixture.ts";
import {
  type Answer,
  ask,
  freePort,
  listening,
  loopbackSlice,
  type RunningGateway,
  runGateway,
} from "./running-gateway.fixture.ts";
import { noEnvoy } from "./static-bootstrap.fixture.ts";
import { ecKey, edKey, keySet, rsaKey, secretToken, token, unsignedToken } from "./token.fixture.ts";

const issuer = "https://issuer.example";
const rsa = rsaKey("rsa");
const ec = ecKey("ec");
const ed = edKey("ed");
const stranger = rsaKey("rsa");

const now = Math.floor(Date.now() / 1000);
const claims = { iss: issuer, sub: "jason", aud: "booking", exp: now + 3600, scope: "read write", groups: ["a", "b"] };
const good = token(rsa, claims);
const bearer = (text: string) => ({ authorization: `Bearer ${text}` });

const rules: readonly JWTRule[] = [
  {
    issuer,
    audiences: ["booking"],
    jwks: keySet(rsa, ec, ed),
    forwardOriginalToken: true,
    outputPayloadToHeader: "x-payload",
    outputClaimToHeaders: [
      { header: "x-sub", claim: "sub" },
      { header: "x-deep", claim: "deep.est" },
    ],
  },
  {
    issuer: "second",
    jwks: keySet(ec),
    fromHeaders: [{ name: "x-jwt", prefix: "Token " }],
    fromParams: ["token"],
    fromCookies: ["sid"],
  },
];

const to = (subset: string) => [{ destination: { host: "reviews", subset } }];
const routes: readonly HTTPRoute[] = [
  {
    match: [{ uri: { prefix: "/by-claim" }, headers: { "@request.auth.claims.groups": { exact: "b" } } }],
    route: to("v2"),
  },
  {
    match: [{ uri: { prefix: "/by-word" }, headers: { "@request.auth.claims[scope]": { exact: "write" } } }],
    route: to("v2"),
  },
  {
    match: [{ uri: { prefix: "/by-depth" }, headers: { "@request.auth.claims[deep][est]": { prefix: "x" } } }],
    route: to("v2"),
  },
  { match: [{ uri: { prefix: "/by-presence" }, headers: { "@request.auth.claims.sub": {} } }], route: to("v2") },
  { match: [{ uri: { prefix: "/by-absence" }, withoutHeaders: { "@request.auth.claims.sub": {} } }], route: to("v2") },
  { route: to("v1") },
];

/** A gateway with these rules, before a workload that answers with the headers that it got. */
async function tokenGateway(jwtRules: readonly JWTRule[], reader: KeyReader = "istiod") {
  const backends: Server[] = [];
  const start = async (version: string) => {
    const backend = createServer(({ url, headers }, response) => {
      response.end(url === "/keys" ? keySet(rsa) : JSON.stringify({ version, url, headers }));
    });
    backends.push(backend);
    return loopbackSlice("reviews", `reviews-${version}`, await listening(backend));
  };
  const slices = await Promise.all(["v1", "v2"].map(start));
  const port = await freePort();
  const policy: RequestAuthentication = {
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name: "tokens", namespace: "istio-system" },
    spec: { selector: { matchLabels: { istio: "ingressgateway" } }, jwtRules },
  };
  const closeBackends = (): void => {
    for (const backend of backends) backend.close().closeAllConnections();
  };
  const running: RunningGateway = await runGateway(
    bookinfo({
      pods: keyed(["v1", "v2"].map((version) => pod(`reviews-${version}`, "127.0.0.1", { version }))),
      endpointSlices: keyed(slices),
      requestAuthentications: keyed([policy]),
      tokenKeys: { reader, read: new Map() },
      virtualServices: keyed([virtualService("web", { hosts: ["*"], gateways: ["front"], http: routes })]),
      destinationRules: keyed([
        destinationRule("reviews", {
          host: "reviews",
          subsets: ["v1", "v2"].map((version) => ({ name: version, labels: { version } })),
        }),
      ]),
      gateways: keyed([
        gateway("front", {
          selector: { istio: "ingressgateway" },
          servers: [{ port: { number: port, name: "http", protocol: "HTTP" }, hosts: ["*"], bind: "127.0.0.1" }],
        }),
      ]),
    }),
    port,
  ).catch((error: unknown) => {
    closeBackends();
    throw error;
  });
  return {
    ask: (path: string, headers: Readonly<Record<string, string>> = {}, method = "GET"): Promise<Answer> =>
      ask(port, path, { headers, method }),
    async stop(): Promise<void> {
      await running.stop();
      closeBackends();
    },
  };
}

type TokenGateway = Awaited<ReturnType<typeof tokenGateway>>;

interface Arrived {
  readonly version: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

function arrived({ status, body }: Answer): Arrived {
  assert.equal(status, 200, body);
  return JSON.parse(body) as Arrived;
}

describe("tokens of requests", { skip: noEnvoy }, () => {
  let front: TokenGateway;
  before(async () => {
    front = await tokenGateway(rules);
  });
  after(() => front.stop());

  test("without a token a request is let through, and what it says of itself isn't believed", async () => {
    const { headers } = arrived(await front.ask("/", { "x-sub": "jason", "x-payload": "e30", "x-deep": "x" }));
    for (const name of ["x-sub", "x-payload", "x-deep"]) assert.equal(headers[name], undefined, name);
  });

  test("claims of a good token are handed on", async () => {
    const { headers } = arrived(
      await front.ask("/", { ...bearer(token(rsa, { ...claims, deep: { est: "x" } })), "x-sub": "somebody" }),
    );
    assert.equal(headers["x-sub"], "jason");
    assert.equal(headers["x-deep"], "x");
    const payload = Buffer.from(headers["x-payload"] ?? "", "base64url").toString();
    assert.equal((JSON.parse(payload) as { sub: string }).sub, "jason");
    assert.match(headers["authorization"] ?? "", /^Bearer /);
  });

  const accepted: Readonly<Record<string, string>> = {
    "an RSA key": good,
    "an EC key": token(ec, claims),
    "an Ed25519 key": token(ed, claims),
    "no key's name": token(rsa, claims, { kid: undefined }),
    "several audiences": token(rsa, { ...claims, aud: ["other", "booking"] }),
    "no end": token(rsa, { ...claims, exp: undefined }),
  };
  for (const [name, text] of Object.entries(accepted))
    test(`a token with ${name} is good`, async () => {
      arrived(await front.ask("/", bearer(text)));
    });

  const [head = "", body = "", signature = ""] = good.split(".");
  const otherClaims = Buffer.from(JSON.stringify({ ...claims, sub: "admin" })).toString("base64url");
  const pem = rsa.publicKey.export({ type: "spki", format: "pem" });
  const refused: Readonly<Record<string, string>> = {
    "other claims under the signature": `${head}.${otherClaims}.${signature}`,
    "a part of the signature": `${head}.${body}.${signature.slice(0, -8)}`,
    "no signature": `${head}.${body}.`,
    "two parts": `${head}.${body}`,
    "four parts": `${good}.x`,
    "a stranger's key by a known name": token(stranger, claims),
    "a stranger's key without a name": token(stranger, claims, { kid: undefined }),
    "another key's name": token(rsa, claims, { kid: "ec" }),
    "an unknown key's name": token(rsa, claims, { kid: "gone" }),
    "an end that is past": token(rsa, { ...claims, exp: now - 3600 }),
    "a beginning that is to come": token(rsa, { ...claims, nbf: now + 3600 }),
    "another issuer": token(rsa, { ...claims, iss: "https://elsewhere.example" }),
    "no issuer": token(rsa, { ...claims, iss: undefined }),
    "the issuer of another rule": token(rsa, { ...claims, iss: "second" }),
    "the algorithm none": unsignedToken(claims),
    "the algorithm None": unsignedToken(claims, "None"),
    "no algorithm": unsignedToken(claims, ""),
    "the public key as a secret": secretToken(pem, claims),
    "the public key as a secret, by name": secretToken(pem, claims, "rsa"),
    "the public key without its armor as a secret": secretToken(
      rsa.publicKey.export({ type: "spki", format: "der" }),
      claims,
      "rsa",
    ),
    "the modulus as a secret": secretToken(Buffer.from(rsa.jwk.n ?? "", "base64url"), claims, "rsa"),
    "its own key in its header": token(stranger, claims, { jwk: stranger.jwk, kid: undefined }),
    "no claims": token(rsa, {}),
    "no JSON": `${head}.${Buffer.from("x").toString("base64url")}.${signature}`,
  };
  for (const [name, text] of Object.entries(refused))
    test(`a token with ${name} is refused`, async () => {
      const { status, headers } = await front.ask("/", bearer(text));
      assert.equal(status, 401);
      assert.match(String(headers["www-authenticate"]), /^Bearer /);
    });

  test("a token for another audience, or for none, is forbidden", async () => {
    for (const aud of ["shop", ["shop"], undefined])
      assert.equal((await front.ask("/", bearer(token(rsa, { ...claims, aud })))).status, 403);
  });

  test("a token may be a parameter", async () => {
    arrived(await front.ask(`/?access_token=${good}`));
    assert.equal((await front.ask(`/?access_token=${refused["no signature"]}`)).status, 401);
  });

  test("a rule has its own places for tokens, and takes them away", async () => {
    const second = token(ec, { iss: "second", sub: "x" });
    const bad = token(stranger, { iss: "second", sub: "x" });
    const places = (text: string) =>
      [
        ["/", { "x-jwt": `Token ${text}` }],
        [`/?token=${text}`, {}],
        ["/", { cookie: `a=b; sid=${text}; c=d` }],
      ] as const;
    for (const [path, headers] of places(second)) {
      const seen = arrived(await front.ask(path, headers));
      assert.equal(seen.headers["x-jwt"], undefined);
    }
    for (const [path, headers] of places(bad)) assert.equal((await front.ask(path, headers)).status, 401, path);
  });

  test("two tokens at the same rule's places must both be good", async () => {
    const bad = refused["other claims under the signature"] ?? "";
    arrived(await front.ask(`/?access_token=${good}`, bearer(good)));
    assert.equal((await front.ask(`/?access_token=${bad}`, bearer(good))).status, 401);
    assert.equal((await front.ask(`/?access_token=${good}`, bearer(bad))).status, 401);
  });

  test("a preflight of CORS needs no token, another OPTIONS request with a bad one is refused", async () => {
    const expired = bearer(refused["an end that is past"] ?? "");
    const preflight = { ...expired, origin: "https://a.example", "access-control-request-method": "GET" };
    assert.equal((await front.ask("/", preflight, "OPTIONS")).status, 200);
    assert.equal((await front.ask("/", expired, "OPTIONS")).status, 401);
  });

  test("gateways route by claims", async () => {
    const versionOf = async (path: string, headers: Readonly<Record<string, string>>) =>
      arrived(await front.ask(path, headers)).version;
    const cases: readonly (readonly [string, string, string])[] = [
      ["/by-claim", token(rsa, claims), "v2"],
      ["/by-claim", token(rsa, { ...claims, groups: "b" }), "v2"],
      ["/by-claim", token(rsa, { ...claims, groups: ["bb", "a"] }), "v1"],
      ["/by-word", token(rsa, claims), "v2"],
      ["/by-word", token(rsa, { ...claims, scope: "writer" }), "v1"],
      ["/by-depth", token(rsa, { ...claims, deep: { est: "xyz" } }), "v2"],
      ["/by-depth", token(rsa, { ...claims, "deep.est": "xyz" }), "v1"],
      ["/by-presence", token(rsa, claims), "v2"],
      ["/by-absence", token(rsa, claims), "v1"],
    ];
    for (const [path, text, version] of cases) assert.equal(await versionOf(path, bearer(text)), version, path);
    assert.equal(await versionOf("/by-claim", {}), "v1");
    assert.equal(await versionOf("/by-presence", {}), "v1");
    assert.equal(await versionOf("/by-absence", {}), "v2");
  });
});

describe("tokens that must be there", { skip: noEnvoy }, () => {
  let front: TokenGateway;
  before(async () => {
    front = await tokenGateway([
      { issuer, jwks: keySet(rsa), presence: "REQUIRED" },
      { issuer: "second", jwks: keySet(ec), fromHeaders: [{ name: "x-jwt" }] },
    ]);
  });
  after(() => front.stop());

  test("one that may be there doesn't stand in for one that must", async () => {
    const second = { "x-jwt": token(ec, { iss: "second", sub: "x" }) };
    assert.equal((await front.ask("/")).status, 401);
    assert.equal((await front.ask("/", second)).status, 401);
    arrived(await front.ask("/", bearer(good)));
    arrived(await front.ask("/", { ...bearer(good), ...second }));
    assert.equal((await front.ask("/", { ...bearer(good), "x-jwt": token(stranger, { iss: "second" }) })).status, 401);
  });
});

describe("tokens whose keys aren't known", { skip: noEnvoy }, () => {
  let front: TokenGateway;
  before(async () => {
    front = await tokenGateway([{ issuer, jwksUri: "https://issuer.example/keys" }]);
  });
  after(() => front.stop());

  test("are refused, and requests without one aren't", async () => {
    assert.equal((await front.ask("/", bearer(good))).status, 401);
    assert.equal((await front.ask("/", bearer(token(ec, claims, { kid: undefined })))).status, 401);
    arrived(await front.ask("/"));
  });
});

describe("tokens whose keys Envoy reads", { skip: noEnvoy }, () => {
  let front: TokenGateway;
  before(async () => {
    const rule = (iss: string, uri: string): JWTRule => ({ issuer: iss, jwksUri: uri, fromHeaders: [{ name: iss }] });
    front = await tokenGateway(
      [rule("here", "http://reviews.default:9080/keys"), rule("nowhere", "http://nobody.default/keys")],
      "envoy",
    );
  });
  after(() => front.stop());

  test("are accepted by the keys at a service of the mesh, and refused where there is none", async () => {
    const of = (iss: string, key = rsa) => ({ [iss]: token(key, { ...claims, iss }) });
    arrived(await front.ask("/", of("here")));
    assert.equal((await front.ask("/", of("here", stranger))).status, 401);
    assert.equal((await front.ask("/", of("nowhere"))).status, 401);
    arrived(await front.ask("/"));
  });
});
