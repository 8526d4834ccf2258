import assert from "node:assert/strict";
import { createServer as createHttp } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import type { AddressInfo, Server } from "node:net";
import { test } from "node:test";
import { grpcHealthCheck } from "./grpc-health.ts";
import { httpGet } from "./http-get.ts";
import { afterResult, noResult } from "./probe-state.ts";
import { tcpConnect } from "./tcp-socket.ts";

async function listening(server: Server, use: (port: number) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

test("a result turns when as many in a row as the threshold says agree", () => {
  const thresholds = { successThreshold: 1, failureThreshold: 2 };
  const seen = [false, true, false, true, false, false, true].reduce<string[]>((results, _, index, all) => {
    const state = all.slice(0, index + 1).reduce((before, isOk) => afterResult(before, isOk, thresholds), noResult);
    return [...results, state.result];
  }, []);
  assert.deepEqual(seen, ["unknown", "success", "success", "success", "success", "failure", "success"]);
});

test("gRPC health: serving, not serving, unknown service, nobody there", async () => {
  const server = createHttp2();
  server.on("stream", (stream) => {
    const asked: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => asked.push(chunk));
    stream.on("end", () => {
      const service = Buffer.concat(asked).subarray(7).toString();
      if (service === "other") {
        stream.respond({ ":status": 200, "grpc-status": "5", "grpc-message": "unknown service" }, { endStream: true });
        return;
      }
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, service === "sick" ? 2 : 1]));
    });
  });
  await listening(server, async (port) => {
    await grpcHealthCheck("127.0.0.1", port, "", 2_000);
    await assert.rejects(grpcHealthCheck("127.0.0.1", port, "sick", 2_000), /status 2/);
    await assert.rejects(grpcHealthCheck("127.0.0.1", port, "other", 2_000), /unknown service/);
  });
  await assert.rejects(grpcHealthCheck("127.0.0.1", 1, "", 2_000), /ECONNREFUSED/);
});

test("HTTP: named port, headers, a redirect is an answer, silence is a failure; TCP", async () => {
  const server = createHttp((request, response) => {
    if (request.url === "/silent") return;
    response.writeHead(request.headers["x-probe"] === "1" ? 302 : 500, { location: "http://192.0.2.1/" }).end();
  });
  await listening(server, async (port) => {
    const container = { name: "c", ports: [{ name: "web", containerPort: port }] };
    const options = { timeout: 300, agent: "test" };
    const httpHeaders = [{ name: "X-Probe", value: "1" }];
    assert.equal((await httpGet({ port: "web", httpHeaders }, container, "127.0.0.1", options)).status, 302);
    assert.equal((await httpGet({ port }, container, "127.0.0.1", options)).status, 500);
    await assert.rejects(httpGet({ port, path: "/silent" }, container, "127.0.0.1", options), /deadline exceeded/);
    await assert.rejects(httpGet({ port: "no" }, container, "127.0.0.1", options), /no port "no"/);
    await tcpConnect("127.0.0.1", port, 500);
    server.closeAllConnections();
  });
  await assert.rejects(tcpConnect("127.0.0.1", 1, 500), /ECONNREFUSED/);
});
