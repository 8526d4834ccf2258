import assert from "node:assert/strict";
import { connect } from "node:http2";
import { after, before, describe, test } from "node:test";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { eventually, freePort } from "#xds/test-envoy.ts";
import { type AttackedMesh, startAttackedMesh } from "./attacked-mesh.ts";
import { rawExchange, statusesOf } from "./raw-exchange.ts";
import { startWeb, type Web } from "./web.ts";

const open = "open.example.com";
/** Wants a certificate of its clients. */
const closed = "closed.example.com";

describe("one name in the handshake and another in the request", { skip: !findEnvoy() && "there is no Envoy" }, () => {
  let mesh: AttackedMesh;
  let web: Web;
  let port = 0;
  let ca = "";
  let own: { readonly cert: string; readonly key: string };
  before(async () => {
    mesh = await startAttackedMesh();
    web = await startWeb(mesh, mesh);
    port = await freePort();
    const root = await createSelfSignedRoot("test", new Date());
    const authority = authorityFrom({ certificate: root.certificatePem, key: root.keyPem });
    const { publicKey, privateKey } = await generateKeyPair();
    const names = [open, closed].map((dns) => ({ dns }));
    const cert = issue(authority, { publicKey, names, lifetimeMs: 3_600_000, now: new Date() });
    own = { cert, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
    ca = root.certificatePem;
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const metadata = (name: string) => ({ name, namespace: "shop" });
    const rbac = "rbac.authorization.k8s.io";
    const networking = "networking.istio.io/v1";
    const server = (name: string, host: string, mode: string): object => ({
      port: { number: port, name, protocol: "HTTPS" },
      hosts: [host],
      tls: { mode, credentialName: "both" },
    });
    const servers = [server("open", open, "SIMPLE"), server("closed", closed, "MUTUAL")];
    const data = { "tls.crt": base64(cert), "tls.key": base64(own.key), "ca.crt": base64(ca) };
    const objects: object[] = [
      { apiVersion: "v1", kind: "Secret", metadata: metadata("both"), data },
      {
        apiVersion: `${rbac}/v1`,
        kind: "Role",
        metadata: metadata("front"),
        rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "watch", "list"] }],
      },
      {
        apiVersion: `${rbac}/v1`,
        kind: "RoleBinding",
        metadata: metadata("front"),
        roleRef: { apiGroup: rbac, kind: "Role", name: "front" },
        subjects: [{ kind: "ServiceAccount", name: "front", namespace: "shop" }],
      },
      {
        apiVersion: networking,
        kind: "Gateway",
        metadata: metadata("front"),
        spec: { selector: { app: "front" }, servers },
      },
      {
        apiVersion: networking,
        kind: "VirtualService",
        metadata: metadata("front"),
        spec: { hosts: [open, closed], gateways: ["front"], http: [{ route: [{ destination: { host: "web" } }] }] },
      },
    ];
    await mesh.apply(...objects);
    await mesh.startProxy(mesh, { type: "router", name: "front", namespace: "shop" });
    await eventually(async () => assert.deepEqual(statusesOf((await ask(open, open)).text), [200]));
    await eventually(async () => assert.deepEqual(statusesOf((await ask(closed, closed, own)).text), [200]));
    web.server.requests.length = 0;
  });
  after(() => mesh.stop());

  const ask = (sni: string, host: string, client: object = {}, target = "/") =>
    rawExchange(
      { port, tls: { servername: sni, ca, ALPNProtocols: ["http/1.1"], ...client } },
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );

  test("the open name's connection doesn't lead to the closed name, however it is asked for", async () => {
    for (const [host, target] of [
      [closed, "/"],
      [closed.toUpperCase(), "/"],
      [`${closed}:443`, "/"],
      [`${closed}:${port}`, "/"],
      [`${closed}.`, "/"],
      [open, `https://${closed}/`],
      [open, `http://${closed}/`],
    ] as const) {
      const { text, clientPort } = await ask(open, host, {}, target);
      assert.deepEqual(statusesOf(text), [404], `${host} ${target}`);
      assert.match((await mesh.accessLog(clientPort)).join(), /404 NR route_not_found/);
    }
    assert.deepEqual(web.server.requests, []);
  });

  test("nor by HTTP/2, on a connection that was good for the open name", async () => {
    const session = connect(`https://127.0.0.1:${port}`, { ca, servername: open });
    const statusOf = (authority: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ":path": "/", ":authority": authority });
        stream.on("response", (headers) => resolve(headers[":status"] ?? 0));
        stream.on("error", reject);
        stream.resume();
      });
    assert.equal(await statusOf(open), 200);
    assert.equal(await statusOf(closed), 404);
    assert.equal(await statusOf(`${closed}:443`), 404);
    session.destroy();
  });

  test("without a name, or with one that no server has, there is no handshake", async () => {
    for (const servername of ["", "elsewhere.example.com", "example.com", `x.${closed}`]) {
      const { text, error } = await rawExchange(
        { port, tls: { ca, servername, checkServerIdentity: () => undefined } },
        "GET / HTTP/1.1\r\n\r\n",
      );
      assert.equal(text, "", servername);
      assert.ok(error, servername);
    }
  });
});
