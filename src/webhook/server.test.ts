import assert from "node:assert/strict";
import { request } from "node:https";
import { after, before, describe, test } from "node:test";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { completeInjectValues } from "#inject/values.ts";
import { silentLog } from "#log/log.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { createWebhookServer, type WebhookServer } from "./server.ts";

interface Answer {
  readonly code: number;
  readonly body: {
    readonly message?: string;
    readonly response?: {
      readonly uid: string;
      readonly allowed: boolean;
      readonly patch?: string;
      readonly status?: { message: string };
    };
  };
}

describe("webhooks", () => {
  let server: WebhookServer;
  let port: number;
  let ca: string;

  before(async () => {
    const root = await createSelfSignedRoot("cluster.local", new Date());
    const authority = authorityFrom({ certificate: root.certificatePem, key: root.keyPem });
    const pair = await generateKeyPair();
    const names = [{ ip: "127.0.0.1" }];
    const cert = issue(authority, { publicKey: pair.publicKey, names, lifetimeMs: 60_000, now: new Date() });
    ca = authority.rootPem;
    server = createWebhookServer({
      tls: { cert, key: pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string },
      injectSettings: () => ({
        values: completeInjectValues({}),
        mesh: {},
        revision: "default",
        environment: {},
        kubeletVersions: ["v1.32.0"],
      }),
      log: silentLog,
    });
    port = await server.listen(0, "127.0.0.1");
  });
  after(() => server.shutdown());

  function post(path: string, body: string): Promise<Answer> {
    return new Promise((done, fail) => {
      const call = request({ host: "127.0.0.1", port, ca, path, method: "POST", agent: false }, (answer) => {
        let text = "";
        answer.on("data", (chunk) => {
          text += String(chunk);
        });
        answer.on("end", () => done({ code: answer.statusCode ?? 0, body: JSON.parse(text) as Answer["body"] }));
      });
      call.on("error", fail);
      call.end(body);
    });
  }

  function review(kind: { group: string; kind: string }, object: object): string {
    const request = { uid: "u", kind: { version: "v1", ...kind }, namespace: "shop", operation: "CREATE", object };
    return JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request });
  }

  const pod = { metadata: { name: "a" }, spec: { containers: [{ name: "app", image: "node:24" }] } };

  test("a pod is injected, with what the path says", async () => {
    const { body } = await post("/inject/cluster/east/net/n1--slash--2", review({ group: "", kind: "Pod" }, pod));
    assert.equal(body.response?.uid, "u");
    assert.equal(body.response.allowed, true);
    const patch = Buffer.from(body.response.patch ?? "", "base64").toString();
    assert.match(patch, /"istio-proxy"/);
    assert.match(patch, /"ISTIO_META_CLUSTER_ID","value":"east"/);
    assert.match(patch, /"ISTIO_META_NETWORK","value":"n1\/2"/);
  });

  test("a pod that can't be injected is refused with a reason, one that opted out is left alone", async () => {
    const bad = { ...pod, metadata: { name: "a", annotations: { "proxy.istio.io/config": "[1]" } } };
    const refused = await post("/inject", review({ group: "", kind: "Pod" }, bad));
    assert.equal(refused.body.response?.allowed, false);
    assert.match(refused.body.response.status?.message ?? "", /^Pod shop\/a: .*proxy\.istio\.io\/config/);
    const out = { ...pod, metadata: { name: "a", labels: { "sidecar.istio.io/inject": "false" } } };
    const skipped = await post("/inject", review({ group: "", kind: "Pod" }, out));
    assert.deepEqual(skipped.body.response, { uid: "u", allowed: true });
  });

  test("a bad resource is refused with resource, field and value", async () => {
    const kind = { group: "networking.istio.io", kind: "VirtualService" };
    const route = [{ destination: { host: "reviews" }, weight: -5 }];
    const object = {
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "reviews", namespace: "shop" },
      spec: { hosts: ["reviews"], http: [{ route }] },
    };
    const refused = await post("/validate", review(kind, object));
    assert.equal(refused.body.response?.allowed, false);
    assert.match(
      refused.body.response.status?.message ?? "",
      /^VirtualService shop\/reviews: spec\.http\[0\]\.route\[0\]\.weight: -5: /,
    );
    const good = { ...object, spec: { hosts: ["reviews"], http: [{ route: [{ destination: { host: "reviews" } }] }] } };
    assert.equal((await post("/validate", review(kind, good))).body.response?.allowed, true);
    const probe = { metadata: { name: "p", annotations: { "internal.istio.io/webhook-always-reject": "true" } } };
    assert.equal((await post("/validate", review(kind, probe))).body.response?.allowed, false);
  });

  test("what isn't a review is answered with what is wrong", async () => {
    assert.equal((await post("/validate", "{")).body.message, "the body isn't JSON");
    assert.equal((await post("/validate", "{}")).code, 400);
    assert.equal((await post("/nothing", review({ group: "", kind: "Pod" }, pod))).code, 404);
    await assert.rejects(post("/validate", "x".repeat(9 * 1024 * 1024)).then(({ code }) => assert.equal(code, 200)));
  });
});
