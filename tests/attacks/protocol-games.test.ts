import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { eventually } from "#xds/test-envoy.ts";
import { type AttackedMesh, startAttackedMesh } from "./attacked-mesh.ts";
import { rawExchange, statusesOf } from "./raw-exchange.ts";
import { startWeb, type Web } from "./web.ts";

const host = "Host: web.example.com\r\n";

/** Beginnings of a connection that hide from a proxy, which guesses or not, that they ask for /admin. */
const openings: Readonly<Record<string, string>> = {
  "an empty line first": `\r\nGET /admin HTTP/1.1\r\n${host}\r\n`,
  "a method in lower case": `get /admin HTTP/1.1\r\n${host}\r\n`,
  "a method that isn't one": `FOO /admin HTTP/1.1\r\n${host}\r\n`,
  "HTTP/0.9": "GET /admin\r\n",
  "HTTP/1.0": `GET /admin HTTP/1.0\r\n${host}\r\n`,
  "HTTP/1.2": `GET /admin HTTP/1.2\r\n${host}\r\n`,
  "HTTP/2.0 in HTTP/1's form": `GET /admin HTTP/2.0\r\n${host}\r\n`,
  "two spaces": `GET  /admin HTTP/1.1\r\n${host}\r\n`,
  "a tab for a space": `GET\t/admin HTTP/1.1\r\n${host}\r\n`,
  "bare line feeds": `GET /admin HTTP/1.1\n${host}\n`,
  "a line of 20 KB": `GET /${"a/../".repeat(4_000)}admin HTTP/1.1\r\n${host}\r\n`,
  "a line of 100 KB": `GET /${"a/../".repeat(20_000)}admin HTTP/1.1\r\n${host}\r\n`,
  "a tunnel": `CONNECT /admin HTTP/1.1\r\n${host}\r\n`,
  "a tunnel to the workload": `CONNECT web.example.com:80 HTTP/1.1\r\n${host}\r\nGET /admin HTTP/1.1\r\n${host}\r\n`,
  "no HTTP at all": "admin\r\n\r\n",
};

const policies: Readonly<Record<string, { readonly spec: object; readonly denied: string }>> = {
  "that denies /admin": {
    spec: { action: "DENY", rules: [{ to: [{ operation: { paths: ["/admin*"] } }] }] },
    denied: "/admin",
  },
  "that allows /public": {
    spec: { action: "ALLOW", rules: [{ to: [{ operation: { paths: ["/public*"] } }] }] },
    denied: "/nowhere",
  },
};

describe("ways around a policy by another protocol", { skip: !findEnvoy() && "there is no Envoy" }, () => {
  let mesh: AttackedMesh;
  let web: Web;
  before(async () => {
    mesh = await startAttackedMesh();
    web = await startWeb(mesh, mesh);
  });
  beforeEach(() => {
    web.server.requests.length = 0;
  });
  after(() => mesh.stop());

  for (const [name, { spec, denied }] of Object.entries(policies))
    describe(name, () => {
      before(async () => {
        const metadata = { name: "policy", namespace: "shop" };
        const selector = { matchLabels: { app: "web" } };
        const apiVersion = "security.istio.io/v1";
        await mesh.apply({ apiVersion, kind: "AuthorizationPolicy", metadata, spec: { selector, ...spec } } as object);
        for (const port of [web.sidecar, web.undeclared])
          await eventually(async () => {
            const { text } = await rawExchange({ port }, `GET ${denied} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
            assert.deepEqual(statusesOf(text), [403]);
          });
      });

      for (const place of ["sidecar", "undeclared"] as const)
        for (const [opening, bytes] of Object.entries(openings))
          test(`${place}: ${opening}`, async () => {
            const { text } = await rawExchange({ port: web[place] }, bytes);
            assert.deepEqual(web.server.requests, [], text);
            assert.ok(
              statusesOf(text).every((status) => status >= 400),
              text,
            );
          });

      test("an upgrade to HTTP/2 on the way isn't handed on", async () => {
        const upgrade =
          "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";
        for (const port of [web.sidecar, web.undeclared]) {
          const { text } = await rawExchange({ port }, `GET /public HTTP/1.1\r\n${host}${upgrade}\r\n`);
          assert.deepEqual(statusesOf(text), [200]);
          for (const header of ["upgrade", "http2-settings"])
            assert.equal(web.server.headers[header], undefined, header);
        }
      });
    });
});
