import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { CertificateSigningRequest } from "kubernetes-types/certificates/v1.d.ts";
import { type Authority, authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { buildRequest, readRequest } from "#x509/request.ts";
import { typeUrls } from "#xds/resource.ts";
import { eventually } from "#xds/test-envoy.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { anchorsIn, certify, deltaPath, firstRequest, openCall, tokenOf } from "./secure-call.ts";

const uri = "spiffe://cluster.local/ns/shop/sa/default";
const type = resourceTypes.certificateSigningRequests;

describe("certificates that others sign", () => {
  const stop = new AbortController();
  let plane: ControlPlane;
  let authority: Authority;
  /** What the signer does with a request that istiod approved. */
  let serve: (request: CertificateSigningRequest) => object;

  before(async () => {
    const env = { EXTERNAL_CA: "ISTIOD_RA_KUBERNETES_API", K8S_SIGNER: "example.com/mesh" };
    plane = await startControlPlane({ env });
    await plane.client.create(resourceTypes.namespaces, { metadata: { name: "shop" } });
    await plane.client.create(resourceTypes.serviceAccounts, { metadata: { name: "default", namespace: "shop" } });
    const made = await createSelfSignedRoot("theirs", new Date());
    authority = authorityFrom({ certificate: made.certificatePem, key: made.keyPem });
    void sign();
  });
  after(async () => {
    stop.abort();
    await plane.stop();
  });

  /** The signer. */
  async function sign(): Promise<void> {
    const { resourceVersion } = await plane.client.list(type);
    try {
      const events = plane.client.watch<CertificateSigningRequest>(type, { resourceVersion, signal: stop.signal });
      for await (const { type: event, object } of events) {
        const isApproved = object.status?.conditions?.some((condition) => condition.type === "Approved");
        const isDone = object.status?.certificate || object.status?.conditions?.some((one) => one.type === "Failed");
        if (event !== "MODIFIED" || !isApproved || isDone) continue;
        await plane.client.update(type, { ...object, status: { ...object.status, ...serve(object) } }, "status");
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    }
  }

  const signed =
    (names: readonly { readonly uri: string }[], withRoot = true) =>
    (request: CertificateSigningRequest) => {
      assert.equal(request.spec.signerName, "example.com/mesh");
      const { publicKey } = readRequest(Buffer.from(request.spec.request, "base64").toString());
      const leaf = issue(authority, { publicKey, names, lifetimeMs: 3_600_000, now: new Date() });
      return { certificate: Buffer.from(leaf + (withRoot ? authority.rootPem : "")).toString("base64") };
    };

  async function ask(name: string) {
    const csr = buildRequest(await generateKeyPair(), { uri: name });
    return await certify(plane, { token: await tokenOf(plane, "shop", "default") }, csr);
  }

  test("istiod approves, passes on what the signer gives, and everybody believes its root", async () => {
    serve = signed([{ uri }]);
    const chain = await ask(uri);
    assert.ok(typeof chain !== "string", String(chain));
    assert.equal(chain[0]?.subjectAltName, `URI:${uri}`);
    assert.equal(chain.at(-1)?.toString(), authority.rootPem);
    const caller = { token: await tokenOf(plane, "shop", "default") };
    const call = openCall(plane, deltaPath, caller, firstRequest("shop", typeUrls.proxyConfig));
    const anchors = anchorsIn(await call.next());
    call.close();
    assert.deepEqual([...anchors].sort(), [plane.istiod.rootPem(), authority.rootPem].sort());
    await eventually(async () => assert.deepEqual((await plane.client.list(type)).items, [], "requests are removed"));
  });

  test("a request for another name isn't passed on, nor another certificate passed back", async () => {
    serve = () => assert.fail("nobody may be asked");
    assert.match(String(await ask("spiffe://cluster.local/ns/bank/sa/vault")), /^14 .*must have the one name/);
    serve = signed([{ uri }, { uri: "spiffe://cluster.local/ns/bank/sa/vault" }]);
    assert.match(String(await ask(uri)), /^14 the signer example\.com\/mesh gave another certificate/);
  });

  test("what goes wrong is said", async () => {
    serve = () => ({
      conditions: [
        { type: "Approved", status: "True" },
        { type: "Failed", status: "True", reason: "Quota", message: "too many" },
      ],
    });
    assert.match(String(await ask(uri)), /^14 the signer refused: Quota too many/);
    serve = signed([{ uri }], false);
    assert.match(String(await ask(uri)), /^14 .*leads to no root; add the root to caCertificates/);
  });
});
