import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { HTTPRoute } from "#api/istio/virtual-service.ts";
import { virtualService } from "./bookinfo.fixture.ts";
import { type ReviewsGateway, runReviewsGateway } from "./reviews-gateway.fixture.ts";
import { ask } from "./running-gateway.fixture.ts";
import { noEnvoy } from "./static-bootstrap.fixture.ts";

const to = (subset: string, weight = 1) => ({ destination: { host: "reviews", subset }, weight });

const routes: readonly HTTPRoute[] = [
  { match: [{ headers: { "end-user": { exact: "jason" } } }], route: [to("v2")] },
  { match: [{ uri: { prefix: "/half" } }], route: [to("v1", 50), to("v2", 50)] },
  { match: [{ uri: { prefix: "/none" } }], route: [to("v1", 0), to("v2", 100)] },
  { match: [{ uri: { exact: "/old" } }], redirect: { uri: "/new", redirectCode: 302 } },
  { match: [{ uri: { exact: "/tea" } }], directResponse: { status: 418, body: { string: "short and stout" } } },
  {
    match: [{ uri: { prefix: "/a/" } }],
    rewrite: { uri: "/b/" },
    headers: { request: { set: { "x-seen": "yes" } } },
    route: [to("v1")],
  },
  {
    match: [{ uri: { exact: "/abort" } }],
    fault: { abort: { httpStatus: 555, percentage: { value: 100 } } },
    route: [to("v1")],
  },
  { match: [{ uri: { exact: "/slow" } }], timeout: "100ms", route: [to("v1")] },
  { match: [{ uri: { exact: "/nobody" } }], route: [{ destination: { host: "nobody" } }] },
  { match: [{ uri: { exact: "/" } }], route: [to("v1")] },
];

describe("where requests at a gateway go", { skip: noEnvoy }, () => {
  let running: ReviewsGateway;

  before(async () => {
    const web = virtualService("web", { hosts: ["*"], gateways: ["front"], http: routes });
    running = await runReviewsGateway([web], (version, { url, headers }, response) => {
      const answer = () => response.end(`${version} ${url} ${String(headers["x-seen"] ?? "")}`.trim());
      if (url === "/slow") setTimeout(answer, 2000).unref();
      else answer();
    });
  });
  after(() => running.stop());

  async function get(
    path: string,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: string; location?: string }> {
    const { status, body, headers: answered } = await ask(running.port, path, { headers });
    return { status, body, ...(answered.location ? { location: answered.location } : {}) };
  }

  test("by path, by header, and nowhere", async () => {
    assert.deepEqual(await get("/"), { status: 200, body: "v1 /" });
    assert.deepEqual(await get("/", { "end-user": "jason" }), { status: 200, body: "v2 /" });
    assert.equal((await get("/unknown")).status, 404);
    assert.equal((await get("/nobody")).status, 503);
  });

  test("by weight", async () => {
    const halves = await Promise.all(Array.from({ length: 100 }, () => get("/half")));
    const first = halves.filter(({ body }) => body.startsWith("v1")).length;
    assert.ok(first > 20 && first < 80, `${first} of 100 to v1`);
    const none = await Promise.all(Array.from({ length: 20 }, () => get("/none")));
    assert.ok(none.every(({ body }) => body.startsWith("v2")));
  });

  test("redirects, answers, rewrites, faults and timeouts", async () => {
    const redirected = await get("/old");
    assert.equal(redirected.status, 302);
    assert.match(redirected.location ?? "", /\/new$/);
    assert.deepEqual(await get("/tea"), { status: 418, body: "short and stout" });
    assert.deepEqual(await get("/a/x"), { status: 200, body: "v1 /b/x yes" });
    assert.equal((await get("/abort")).status, 555);
    assert.equal((await get("/slow")).status, 504);
  });
});
