import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { detailsHandler } from "./details/details.ts";
import { type Handler, json, startService } from "./http-service.ts";
import { productpageHandler } from "./productpage/productpage.ts";
import { ratingsHandler } from "./ratings/ratings.ts";
import { reviewsHandler } from "./reviews/reviews.ts";

async function serve(t: TestContext, handler: Handler): Promise<string> {
  const service = await startService(handler, 0);
  t.after(() => service.close());
  return String(service.port);
}

const local = { DETAILS_HOSTNAME: "127.0.0.1", REVIEWS_HOSTNAME: "127.0.0.1", RATINGS_HOSTNAME: "127.0.0.1" };

/** The whole shop on ports of its own; `reviews` is the environment of the reviews image. */
async function openShop(t: TestContext, reviews: Record<string, string>, ratings: Handler = ratingsHandler({})) {
  t.mock.method(console, "log", () => {});
  t.mock.method(console, "error", () => {});
  const ratingsPort = await serve(t, ratings);
  const reviewsPort = await serve(
    t,
    reviewsHandler({ ...local, ...reviews, RATINGS_SERVICE_PORT: ratingsPort, HOSTNAME: "reviews-pod" }),
  );
  const detailsPort = await serve(t, detailsHandler({}));
  const env = {
    ...local,
    DETAILS_SERVICE_PORT: detailsPort,
    REVIEWS_SERVICE_PORT: reviewsPort,
    RATINGS_SERVICE_PORT: ratingsPort,
  };
  return `http://127.0.0.1:${await serve(t, productpageHandler(env))}`;
}

const black = { ENABLE_RATINGS: "true", STAR_COLOR: "black" };

test("the page shows the book, its details and the reviews", async (t) => {
  const shop = await openShop(t, black);
  const response = await fetch(`${shop}/productpage`);
  const page = await response.text();
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.match(page, /<title>Simple Bookstore App<\/title>/);
  for (const text of ["The Comedy of Errors", "PublisherA", "Reviewer2", "reviews-pod"])
    assert.ok(page.includes(text), text);
  assert.equal(page.match(/class="stars black"/g)?.length, 2);
  assert.match(page, /aria-label="4 of 5 stars"/);
});

test("the API has the shape of the original, version by version", async (t) => {
  const api = async (reviews: Record<string, string>) =>
    (await fetch(`${await openShop(t, reviews)}/api/v1/products/0/reviews`)).json() as Promise<Record<string, never>>;
  const first = await api({});
  assert.deepEqual(
    { ...first, reviews: undefined },
    { id: "0", podname: "reviews-pod", clustername: "null", reviews: undefined },
  );
  assert.deepEqual(Object.keys(first["reviews"]?.[0] ?? {}), ["reviewer", "text"]);
  const red = await api({ ENABLE_RATINGS: "true", STAR_COLOR: "red" });
  assert.match(JSON.stringify(red), /"reviewer":"Reviewer1".*"rating":\{"stars":5,"color":"red"\}/);
  const shop = await openShop(t, {});
  assert.deepEqual(await (await fetch(`${shop}/api/v1/products/0/ratings`)).json(), {
    id: 0,
    ratings: { Reviewer1: 5, Reviewer2: 4 },
  });
  const details = (await (await fetch(`${shop}/api/v1/products/0`)).json()) as Record<string, unknown>;
  assert.deepEqual([details["id"], details["pages"]], [0, 200]);
});

test("who signs in is `end-user` all the way down, and only the session says so", async (t) => {
  const seen: IncomingHttpHeaders[] = [];
  const ratings = ratingsHandler({});
  const shop = await openShop(t, black, (request) => {
    seen.push(request.headers);
    return ratings(request);
  });
  const login = await fetch(`${shop}/login`, {
    method: "POST",
    redirect: "manual",
    headers: { referer: "http://elsewhere.example/productpage?u=normal" },
    body: new URLSearchParams({ username: "jason", passwd: "x" }),
  });
  assert.equal(login.status, 302);
  assert.equal(login.headers.get("location"), "/productpage?u=normal");
  const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
  const headers = { cookie, traceparent: "00-abc-def-01", "x-request-id": "id-1", "end-user": "mallory" };
  const page = await (await fetch(`${shop}/productpage`, { headers })).text();
  assert.match(page, /<strong>jason<\/strong>/);
  await fetch(`${shop}/productpage`, { headers: { "end-user": "mallory", cookie: cookie.replace("=", "=x") } });
  assert.deepEqual(
    [seen[0]?.["end-user"], seen[0]?.["traceparent"], seen[0]?.["x-request-id"], seen[0]?.["cookie"]],
    ["jason", "00-abc-def-01", "id-1", cookie],
  );
  assert.equal(seen[1]?.["end-user"], undefined);
  const logout = await fetch(`${shop}/logout`, { redirect: "manual", headers: { cookie } });
  assert.match(logout.headers.get("set-cookie") ?? "", /^session=;.*Max-Age=0/);
});

test("what fails shows in its place, and reviews are tried twice", async (t) => {
  let calls = 0;
  const broken = createServer((_, response) => {
    calls += 1;
    response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => broken.listen(0, resolve));
  t.after(() => broken.close());
  t.mock.method(console, "log", () => {});
  t.mock.method(console, "error", () => {});
  const port = String((broken.address() as AddressInfo).port);
  const env = { ...local, DETAILS_SERVICE_PORT: port, REVIEWS_SERVICE_PORT: port };
  const shop = `http://127.0.0.1:${await serve(t, productpageHandler(env))}`;
  const page = await (await fetch(`${shop}/productpage`)).text();
  assert.match(page, /Error fetching product details/);
  assert.match(page, /Error fetching product reviews/);
  assert.equal(calls, 3);
  const answer = await fetch(`${shop}/api/v1/products/0/reviews`);
  assert.equal(answer.status, 503);
  assert.deepEqual(await answer.json(), {
    error: "Sorry, product reviews are currently unavailable for this book.",
  });
  assert.match(
    await (await fetch(`${shop}/metrics`)).text(),
    /request_result_total\{destination_app="reviews",response_code="503"\} 2/,
  );
});

test("without ratings the reviews stay, and say what is missing", async (t) => {
  const shop = await openShop(
    t,
    black,
    ratingsHandler({ SERVICE_VERSION: "v-faulty" }, () => 0),
  );
  const page = await (await fetch(`${shop}/productpage`)).text();
  assert.match(page, /Ratings service is currently unavailable/);
});

test("ratings can be posted; bad input is refused by name", async (t) => {
  t.mock.method(console, "log", () => {});
  const ratings = `http://127.0.0.1:${await serve(t, ratingsHandler({}))}/ratings`;
  const post = (path: string, body: string) => fetch(`${ratings}/${path}`, { method: "POST", body });
  assert.equal((await post("0", '{"Reviewer1":1,"Reviewer2":2}')).status, 200);
  assert.deepEqual(await (await fetch(`${ratings}/0`)).json(), { id: 0, ratings: { Reviewer1: 1, Reviewer2: 2 } });
  assert.equal((await post("0", "{")).status, 400);
  assert.deepEqual(await (await post("x", "{}")).json(), { error: "please provide numeric product ID" });
  assert.equal((await post("0", "x".repeat(70_000))).status, 413);
});

test("names and texts can't bring markup into the page", async (t) => {
  const shop = await openShop(t, {});
  const body = new URLSearchParams({ username: "<script>é" });
  const login = await fetch(`${shop}/login`, { method: "POST", redirect: "manual", body });
  const cookie = login.headers.get("set-cookie")?.split(";")[0] ?? "";
  const page = await (await fetch(`${shop}/productpage`, { headers: { cookie } })).text();
  assert.match(page, /<strong>&lt;script&gt;é<\/strong>/);
});

test("a service that leaves still answers, and ends what it began", async (t) => {
  t.mock.method(console, "log", () => {});
  const slow: Handler = async () => {
    await sleep(60);
    return json({ done: true });
  };
  const service = await startService(slow, 0);
  const url = `http://127.0.0.1:${service.port}/`;
  const early = fetch(url);
  await sleep(10);
  const closed = service.close(40);
  const late = await fetch(url);
  assert.deepEqual([(await early).status, late.status, late.headers.get("connection")], [200, 200, "close"]);
  await closed;
  await assert.rejects(fetch(url));
});
