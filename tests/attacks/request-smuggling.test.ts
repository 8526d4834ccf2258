import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { type AttackedMesh, startAttackedMesh } from "./attacked-mesh.ts";
import { rawExchange, statusesOf } from "./raw-exchange.ts";
import { smuggledRequests } from "./smuggled-requests.ts";
import { startWeb, type Web } from "./web.ts";

describe("requests that two who read them would cut differently", { skip: !findEnvoy() && "there is no Envoy" }, () => {
  let mesh: AttackedMesh;
  let web: Web;
  before(async () => {
    mesh = await startAttackedMesh();
    web = await startWeb(mesh, mesh);
  });
  after(() => mesh.stop());

  for (const place of ["gateway", "sidecar"] as const)
    for (const { name, bytes, refused, seen = [] } of smuggledRequests)
      test(`${place}: ${name}`, async () => {
        web.server.requests.length = 0;
        const { text, clientPort } = await rawExchange({ port: web[place] }, bytes);
        const log = await mesh.accessLog(clientPort);
        if (refused) {
          assert.ok((statusesOf(text)[0] ?? 0) >= 400, text);
          assert.match(log[0] ?? "", refused);
          assert.ok(!web.server.requests.some((line) => line.includes("smuggled")), "nothing hidden got through");
        } else {
          assert.deepEqual(web.server.requests, seen);
          assert.deepEqual(log.map(requestLine), seen, "the proxy cut it as who is behind it did");
        }
      });
});

function requestLine(logLine: string): string {
  return /"(\S+ \S+) HTTP/.exec(logLine)?.[1] ?? logLine;
}
