import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import { parse } from "yaml";
import { resourceTypes } from "#kube/resource-types.ts";
import { type ApiUnderTest, startApi } from "../api-under-test.ts";

let api: ApiUnderTest;
const logs = new PassThrough();
const backend = createServer((request, response) => {
  response.end(
    JSON.stringify({ url: request.url, method: request.method, authorization: request.headers.authorization ?? null }),
  );
});

before(async () => {
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  const { port } = backend.address() as AddressInfo;
  const refuse = () => Promise.reject(new Error("not asked for"));
  api = await startApi({
    streams: { logs: async () => logs, exec: refuse, attach: refuse, portForward: refuse },
    resolveService: async (_namespace, name) => (name === "web" ? { host: "127.0.0.1", port } : undefined),
  });
  const { client } = api;
  await client.create(resourceTypes.serviceAccounts, { metadata: { name: "default", namespace: "default" } });
});
after(async () => {
  backend.close();
  await api.close();
});

interface Answer {
  readonly status: number;
  readonly text: string;
}

interface Ask {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  readonly asAdmin?: boolean;
}

async function ask({ path, method = "GET", headers = {}, body, asAdmin = false }: Ask): Promise<Answer> {
  const config = parse(await readFile(api.kubeconfig, "utf8")) as { users: [{ user: Record<string, string> }] };
  const of = (name: string) => Buffer.from(config.users[0].user[name] ?? "", "base64");
  const credentials = asAdmin ? { cert: of("client-certificate-data"), key: of("client-key-data") } : {};
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest(
      {
        host: "127.0.0.1",
        port: api.server.port,
        path,
        method,
        headers,
        ca: api.server.caCertificate,
        agent: false,
        ...credentials,
      },
      (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

test("who says nothing sees the health only", async () => {
  assert.deepEqual(await ask({ path: "/healthz" }), { status: 200, text: "ok" });
  assert.match((await ask({ path: "/version" })).text, /"gitVersion":"v1\.32\./);
  assert.equal((await ask({ path: "/api/v1/namespaces" })).status, 401);
  assert.equal((await ask({ path: "/api", headers: { authorization: "Bearer nonsense" } })).status, 401);
});

test("a client certificate and a service account's token", async () => {
  assert.equal((await ask({ path: "/api/v1/namespaces", asAdmin: true })).status, 200);
  const path = "/api/v1/namespaces/default/serviceaccounts/default/token";
  const made = await ask({
    path,
    method: "POST",
    asAdmin: true,
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  const { token } = (JSON.parse(made.text) as { status: { token: string } }).status;
  const headers = { authorization: `Bearer ${token}` };
  assert.equal((await ask({ path: "/api", headers })).status, 200);
  const refused = await ask({ path: "/api/v1/namespaces/default/secrets", headers });
  assert.equal(refused.status, 403);
  assert.match(refused.text, /User \\"system:serviceaccount:default:default\\" cannot list resource \\"secrets\\"/);
});

test("bodies that are too large or no document are refused", async () => {
  const path = "/api/v1/namespaces/default/configmaps";
  const headers = { "content-type": "application/json" };
  const post = (body: string) => ask({ path, method: "POST", headers, body, asAdmin: true });
  assert.equal((await post(" ".repeat(4 * 1024 * 1024))).status, 413);
  assert.equal((await post("{")).status, 400);
  const object = {
    metadata: { name: "big", annotations: {} },
    data: { a: "x".repeat(1.2 * 1024 * 1024), b: "x".repeat(1024 * 1024) },
  };
  assert.ok([413, 422].includes((await post(JSON.stringify(object))).status));
  const proto = { "content-type": "application/vnd.kubernetes.protobuf" };
  const broken = await ask({ path, method: "POST", headers: proto, body: Buffer.from("k8s\0\xff\xff"), asAdmin: true });
  assert.equal(broken.status, 400);
  assert.equal(
    (await ask({ path, method: "POST", headers: { "content-type": "text/html" }, body: "x", asAdmin: true })).status,
    415,
  );
});

test("logs come as they are written", async () => {
  const spec = { nodeName: "n", containers: [{ name: "c", image: "busybox" }] };
  await api.client.create(resourceTypes.pods, { metadata: { name: "p", namespace: "default" }, spec });
  const reading = ask({ path: "/api/v1/namespaces/default/pods/p/log?follow=true", asAdmin: true });
  logs.write("one\n");
  await new Promise((resolve) => setTimeout(resolve, 50));
  logs.end("two\n");
  assert.deepEqual(await reading, { status: 200, text: "one\ntwo\n" });
  const other = await ask({ path: "/api/v1/namespaces/default/pods/p/log?container=x", asAdmin: true });
  assert.match(other.text, /container x is not valid for pod p/);
});

test("the service proxy reaches an endpoint and keeps our credentials", async () => {
  const spec = { ports: [{ name: "http", port: 80 }] };
  for (const name of ["web", "lonely"])
    await api.client.create(resourceTypes.services, { metadata: { name, namespace: "default" }, spec });
  const root = "/api/v1/namespaces/default/services";
  const answer = await ask({
    path: `${root}/web:http/proxy/a%20b/?x=1&x=2`,
    asAdmin: true,
    headers: { authorization: "Bearer mine" },
  });
  assert.deepEqual(JSON.parse(answer.text), { url: "/a%20b/?x=1&x=2", method: "GET", authorization: null });
  const lonely = await ask({ path: `${root}/lonely/proxy/`, asAdmin: true });
  assert.equal(lonely.status, 503);
  assert.match(lonely.text, /no endpoints available for service/);
});
