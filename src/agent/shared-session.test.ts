import assert from "node:assert/strict";
import http2, { type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { eventually } from "#xds/test-envoy.ts";
import { agentSettings } from "./settings.ts";
import { type SharedSession, shareSession } from "./shared-session.ts";

/** An istiod that answers nothing, and what an agent has open there. */
async function silentIstiod(
  t: TestContext,
): Promise<{ shared: SharedSession; sessions: Set<ServerHttp2Session>; streams: ServerHttp2Stream[] }> {
  const server = http2.createServer();
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.once("close", () => sessions.delete(session));
  });
  const streams: ServerHttp2Stream[] = [];
  server.on("stream", (stream) => {
    streams.push(stream);
    stream.on("error", () => {});
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const config = { discoveryAddress: `127.0.0.1:${port}`, controlPlaneAuthPolicy: "NONE" };
  return { shared: shareSession(agentSettings([], {}, config)), sessions, streams };
}

test("streams share a connection, which closes with the last of them", async (t) => {
  const { shared, sessions } = await silentIstiod(t);
  const streams = await Promise.all([shared.open("/a"), shared.open("/b"), shared.open("/c")]);
  await eventually(() => assert.equal(sessions.size, 1));
  for (const stream of streams.slice(1)) stream.close();
  await eventually(() => assert.ok(streams[1]?.closed && streams[2]?.closed));
  assert.equal(sessions.size, 1);
  streams[0]?.close();
  await eventually(() => assert.equal(sessions.size, 0));
  const again = await shared.open("/a");
  await eventually(() => assert.equal(sessions.size, 1));
  again.close();
});

test("a connection that istiod wants to end gets no more streams; those that it has go on", async (t) => {
  const { shared, sessions, streams } = await silentIstiod(t);
  const old = await shared.open("/a");
  await eventually(() => assert.equal(streams.length, 1));
  const left = new Promise((done) => old.session?.once("goaway", done));
  streams[0]?.session?.goaway();
  await left;
  const next = await shared.open("/b");
  await eventually(() => assert.equal(sessions.size, 2));
  assert.equal(old.closed, false);
  old.close();
  next.close();
});

test("an istiod that isn't there is told to everyone who asked, and tried again by the next", async () => {
  const config = { discoveryAddress: "127.0.0.1:1", controlPlaneAuthPolicy: "NONE" };
  const shared = shareSession(agentSettings([], {}, config));
  const outcomes = await Promise.allSettled([shared.open("/a"), shared.open("/b")]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  await assert.rejects(shared.open("/c"), /ECONNREFUSED/);
});
