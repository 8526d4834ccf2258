import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { resourceTypes } from "#kube/resource-types.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { buildRequest } from "#x509/request.ts";
import { WireWriter } from "#xds/protobuf-wire.ts";
import { typeUrls } from "#xds/resource.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import {
  type Caller,
  callOnce,
  createCertificatePath,
  deltaPath,
  fieldsOf,
  firstRequest,
  openCall,
  tokenOf,
} from "./secure-call.ts";

describe("identities on 15012", () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane();
    await plane.client.create(resourceTypes.namespaces, { metadata: { name: "shop" } });
    await plane.client.create(resourceTypes.serviceAccounts, { metadata: { name: "default", namespace: "shop" } });
  });
  after(() => plane.stop());

  /** Certificates of an answer, leaf first; a status as text. */
  async function certify(caller: Caller, csr: string, seconds = 3600): Promise<readonly X509Certificate[] | string> {
    const message = new WireWriter().string(1, csr).varint(3, seconds).finish();
    const answer = await callOnce(plane, createCertificatePath, caller, message);
    if (typeof answer === "string") return answer;
    return fieldsOf(answer, 1).map((pem) => new X509Certificate(pem));
  }

  test("15012 wants a token that is good, for it, and of the namespace that the node names", async () => {
    const ask = async (namespace: string, token?: string): Promise<Uint8Array | string> =>
      await callOnce(plane, deltaPath, token ? { token } : {}, firstRequest(namespace, typeUrls.listener));
    const token = await tokenOf(plane, "shop", "default");
    assert.match(String(await ask("shop")), /^16 no bearer token/);
    assert.match(String(await ask("shop", "x.y.z")), /^16 the token isn't valid/);
    assert.match(String(await ask("shop", await tokenOf(plane, "shop", "default", "vault"))), /^16 /);
    assert.match(String(await ask("meshed", token)), /^7 the node is in namespace meshed, .* from shop$/);
    assert.ok((await ask("shop", token)) instanceof Uint8Array);
  });

  test("a workload's certificate names whose token asked, whatever the request says", async () => {
    const token = await tokenOf(plane, "shop", "default");
    const csr = buildRequest(await generateKeyPair(), { uri: "spiffe://cluster.local/ns/bank/sa/vault" });
    const chain = await certify({ token }, csr);
    assert.ok(Array.isArray(chain), String(chain));
    const [leaf, root] = chain as readonly X509Certificate[];
    assert.equal(leaf?.subjectAltName, "URI:spiffe://cluster.local/ns/shop/sa/default");
    assert.ok(root && leaf.checkIssued(root) && leaf.verify(root.publicKey));
    assert.ok(Date.parse(leaf.validTo) - Date.now() <= 3_600_000);
    assert.match(String(await certify({ token }, "x")), /^3 not a PEM/);
  });

  test("agents are told the trust anchors", async () => {
    const token = await tokenOf(plane, "shop", "default");
    const call = openCall(plane, deltaPath, { token }, firstRequest("shop", typeUrls.proxyConfig));
    const answer = await call.next();
    call.close();
    assert.ok(answer instanceof Uint8Array, String(answer));
    const [resource = new Uint8Array()] = fieldsOf(answer, 2);
    const [any = new Uint8Array()] = fieldsOf(resource, 2);
    const [config = new Uint8Array()] = fieldsOf(any, 2);
    const anchors = fieldsOf(config, 34).map((pem) => Buffer.from(pem).toString());
    assert.deepEqual(anchors, [plane.istiod.rootPem()]);
  });
});
