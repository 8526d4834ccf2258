import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { httpbin } from "./httpbin.ts";

async function start(t: TestContext): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  t.mock.method(console, "log", () => {});
  const server = createServer(httpbin()).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { redirect: "manual", ...init });
}

test("it says what it was asked", async (t) => {
  const ask = await start(t);
  const { headers } = (await (await ask("/headers", { headers: { "x-a-b": "1" } })).json()) as {
    headers: Record<string, string[]>;
  };
  assert.deepEqual(headers["X-A-B"], ["1"]);
  const posted = await ask("/post?a=1&a=2", { method: "POST", body: '{"b":3}' });
  const { args, json, method } = (await posted.json()) as { args: unknown; json: unknown; method: string };
  assert.deepEqual({ args, json, method }, { args: { a: ["1", "2"] }, json: { b: 3 }, method: "POST" });
  assert.deepEqual(await (await ask("/ip", { headers: { "x-forwarded-for": "10.0.0.1, x" } })).json(), {
    origin: "10.0.0.1",
  });
  assert.equal((await ask("/post")).status, 405);
  assert.equal((await ask("/nowhere")).status, 404);
});

test("it answers as it is told to, within limits", async (t) => {
  const ask = await start(t);
  for (const [path, status] of [
    ["/status/418", 418],
    ["/status/204", 204],
    ["/status/999", 400],
    ["/status/x", 400],
    ["/delay/0", 200],
    ["/delay/11", 400],
    ["/redirect/2", 302],
    ["/basic-auth/me/pw", 401],
    ["/bearer", 401],
    ["/bytes/9999999", 400],
  ] as const)
    assert.equal((await ask(path)).status, status, path);
  const authorization = `Basic ${Buffer.from("me:pw").toString("base64")}`;
  assert.equal((await ask("/basic-auth/me/pw", { headers: { authorization } })).status, 200);
  assert.equal((await ask("/response-headers?x-color=red")).headers.get("x-color"), "red");
  assert.equal((await (await ask("/bytes/1000")).arrayBuffer()).byteLength, 1000);
  assert.equal((await ask("/post", { method: "POST", body: "x".repeat(2_000_000) })).status, 413);
});
