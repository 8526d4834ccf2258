import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { test } from "node:test";
import { silentLog } from "#log/log.ts";
import { startStatusServer } from "./status-server.ts";

async function start(t: {
  after(end: () => unknown): void;
}): Promise<{ readonly port: number; readonly quits: string[] }> {
  const quits: string[] = [];
  const routes = {
    problem: async () => undefined,
    metrics: async () => "",
    probes: {},
    target: { address: "127.0.0.1" },
    drain: async () => {},
    quit: () => void quits.push("quit"),
    debug: () => ({}),
  };
  const server = await startStatusServer(0, routes as unknown as Parameters<typeof startStatusServer>[1], silentLog);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, quits };
}

test("only who is inside of the pod ends it, not whose call Envoy hands on", async (t) => {
  const { port, quits } = await start(t);
  const post = async (from: string): Promise<number | undefined> => {
    const call = request({ host: "127.0.0.1", port, path: "/quitquitquit", method: "POST", localAddress: from }).end();
    const [answer] = (await once(call, "response")) as [IncomingMessage];
    answer.resume();
    return answer.statusCode;
  };
  assert.equal(await post("127.0.0.6"), 403);
  assert.deepEqual(quits, []);
  assert.equal(await post("127.0.0.1"), 200);
  assert.deepEqual(quits, ["quit"]);
});

test("a header that never ends is cut off", async (t) => {
  const { port } = await start(t);
  const began = performance.now();
  const socket = connect(port, "127.0.0.1", () => socket.write("GET /healthz/ready HTTP/1.1\r\n"));
  const dripping = setInterval(() => socket.write("x: y\r\n"), 500);
  t.after(() => clearInterval(dripping));
  socket.resume().on("error", () => {});
  await once(socket, "close");
  assert.ok(performance.now() - began < 9_000);
});
