import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { HTTPRoute } from "#api/istio/virtual-service.ts";
import { virtualService } from "./bookinfo.fixture.ts";
import { type ReviewsGateway, runReviewsGateway } from "./reviews-gateway.fixture.ts";
import { ask } from "./running-gateway.fixture.ts";
import { noEnvoy } from "./static-bootstrap.fixture.ts";

const to = (subset: string) => [{ destination: { host: "reviews", subset } }];
const v1 = { route: to("v1") };
const v2 = { route: to("v2") };

const routes: readonly HTTPRoute[] = [
  { match: [{ uri: { prefix: "/Case" }, ignoreUriCase: true }], ...v2 },
  { match: [{ uri: { regex: "/re/[0-9]+(/.*)?" }, method: { exact: "GET" } }], ...v2 },
  { match: [{ uri: { prefix: "/query" }, queryParams: { a: { regex: "x+" }, b: {} } }], ...v2 },
  { match: [{ uri: { prefix: "/without" }, withoutHeaders: { "x-secret": {} } }], ...v2 },
  { match: [{ uri: { prefix: "/host" }, authority: { prefix: "shop." } }, { uri: { exact: "/or" } }], ...v2 },
  {
    match: [{ uri: { prefix: "/regex-rewrite/" } }],
    rewrite: {
      uriRegexRewrite: { match: "^/regex-rewrite/([^/]+)(.*)$", rewrite: "\\2/\\1" },
      authority: "new.example",
    },
    ...v1,
  },
  { match: [{ uri: { prefix: "/moved" } }], redirect: { prefixRewrite: "/there", scheme: "https", redirectCode: 307 } },
  { match: [{ uri: { prefix: "/port" } }], redirect: { authority: "other.example", derivePort: "FROM_REQUEST_PORT" } },
  { match: [{ uri: { prefix: "/flaky" } }], retries: { attempts: 3, retryOn: "429,5xx", backoff: "10ms" }, ...v1 },
  {
    match: [{ uri: { prefix: "/try-again" } }],
    retries: { attempts: 1, perTryTimeout: "200ms", retryOn: "5xx" },
    ...v1,
  },
  { match: [{ uri: { prefix: "/mirrored" } }], mirrors: [{ destination: { host: "reviews", subset: "v2" } }], ...v1 },
  {
    match: [{ uri: { prefix: "/cors" } }],
    corsPolicy: {
      allowOrigins: [{ regex: "https://.*[.]example" }],
      allowMethods: ["PUT"],
      allowHeaders: ["x-a"],
      maxAge: "1h",
      allowCredentials: true,
    },
    ...v1,
  },
  {
    match: [{ uri: { prefix: "/headers" } }],
    headers: {
      request: { set: { "x-set": "new" }, add: { "x-add": "more" }, remove: ["x-gone"] },
      response: { set: { "x-answer": "yes" }, remove: ["x-internal"] },
    },
    ...v1,
  },
  {
    match: [{ uri: { prefix: "/delayed" } }],
    fault: { delay: { fixedDelay: "300ms", percentage: { value: 100 } } },
    ...v1,
  },
  {
    match: [{ uri: { prefix: "/grpc" } }],
    fault: { abort: { grpcStatus: "UNAVAILABLE", percentage: { value: 100 } } },
    ...v1,
  },
  { match: [{ uri: { prefix: "/delegated" } }], delegate: { name: "rest" } },
  { ...v1 },
];

describe("every kind of HTTP rule, by requests", { skip: noEnvoy }, () => {
  const seen = new Map<string, IncomingMessage[]>();
  let running: ReviewsGateway;
  let port = 0;

  before(async () => {
    const web = virtualService("web", { hosts: ["*"], gateways: ["front"], http: routes });
    const rest = { http: [{ match: [{ uri: { prefix: "/delegated/deep" } }], ...v2 }, { ...v1 }] };
    running = await runReviewsGateway([web, virtualService("rest", rest)], (version, request, response) => {
      const path = request.url ?? "";
      const tries = seen.get(path) ?? [];
      seen.set(path, [...tries, request]);
      if (path === "/flaky" && tries.length < 2) response.statusCode = tries.length === 0 ? 503 : 429;
      response.setHeader("x-internal", "secret");
      const answer = () => response.end(`${version} ${path}`);
      if (path === "/try-again" && tries.length === 0) setTimeout(answer, 3000).unref();
      else answer();
    });
    ({ port } = running);
  });
  after(() => running.stop());

  const body = async (path: string, headers = {}): Promise<string> => (await ask(port, path, { headers })).body;

  test("matches: case, RE2, method, query, absent headers, authority, one of several", async () => {
    assert.equal(await body("/cASE/a"), "v2 /cASE/a");
    assert.equal(await body("/re/12/x"), "v2 /re/12/x");
    assert.equal(await body("/re/12x"), "v1 /re/12x");
    assert.equal((await ask(port, "/re/1", { method: "DELETE" })).body, "v1 /re/1");
    assert.equal(await body("/query?a=xx&b=1"), "v2 /query?a=xx&b=1");
    assert.equal(await body("/query?a=xx"), "v1 /query?a=xx");
    assert.equal(await body("/without"), "v2 /without");
    assert.equal(await body("/without", { "x-secret": "1" }), "v1 /without");
    assert.equal(await body("/host", { host: "shop.example" }), "v2 /host");
    assert.equal(await body("/host", { host: "a.example" }), "v1 /host");
    assert.equal(await body("/or"), "v2 /or");
  });

  test("rewrites and redirects", async () => {
    assert.equal(await body("/regex-rewrite/id/rest"), "v1 /rest/id");
    assert.equal(seen.get("/rest/id")?.[0]?.headers.host, "new.example");
    const moved = await ask(port, "/moved/x?y=1", { headers: { host: "a.example" } });
    assert.deepEqual([moved.status, moved.headers.location], [307, "https://a.example/there/x?y=1"]);
    const elsewhere = await ask(port, "/port");
    assert.deepEqual([elsewhere.status, elsewhere.headers.location], [301, `http://other.example:${port}/port`]);
  });

  test("retries by status, and by the time of one try", async () => {
    assert.equal((await ask(port, "/flaky")).status, 200);
    assert.equal(seen.get("/flaky")?.length, 3);
    assert.equal((await ask(port, "/try-again")).status, 200);
    assert.equal(seen.get("/try-again")?.length, 2);
  });

  test("mirrors get a copy, and the client the other answer", async () => {
    assert.equal(await body("/mirrored"), "v1 /mirrored");
    for (let tries = 0; (seen.get("/mirrored")?.length ?? 0) < 2 && tries < 50; tries++) await sleep(20);
    assert.equal(seen.get("/mirrored")?.length, 2);
  });

  test("CORS: a preflight is answered, and other origins get no leave", async () => {
    const preflight = (origin: string) =>
      ask(port, "/cors", { method: "OPTIONS", headers: { origin, "access-control-request-method": "PUT" } });
    const good = await preflight("https://shop.example");
    assert.equal(good.status, 200);
    assert.equal(good.headers["access-control-allow-origin"], "https://shop.example");
    assert.equal(good.headers["access-control-allow-methods"], "PUT");
    assert.equal(good.headers["access-control-max-age"], "3600");
    assert.equal(good.headers["access-control-allow-credentials"], "true");
    assert.equal((await preflight("https://evil.org")).headers["access-control-allow-origin"], undefined);
  });

  test("headers are set, added and taken away", async () => {
    const answer = await ask(port, "/headers", { headers: { "x-set": "old", "x-add": "one", "x-gone": "1" } });
    const got = seen.get("/headers")?.[0]?.headers;
    assert.deepEqual([got?.["x-set"], got?.["x-add"], got?.["x-gone"]], ["new", "one, more", undefined]);
    assert.deepEqual([answer.headers["x-answer"], answer.headers["x-internal"]], ["yes", undefined]);
  });

  test("faults: a delay, and an abort as gRPC has it", async () => {
    const start = performance.now();
    assert.equal((await ask(port, "/delayed")).status, 200);
    assert.ok(performance.now() - start >= 290);
    const aborted = await ask(port, "/grpc", { method: "POST", headers: { "content-type": "application/grpc" } });
    assert.equal(aborted.headers["grpc-status"], "14");
  });

  test("a delegate continues the routing", async () => {
    assert.equal(await body("/delegated/deep/x"), "v2 /delegated/deep/x");
    assert.equal(await body("/delegated/x"), "v1 /delegated/x");
  });
});
