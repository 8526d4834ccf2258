import assert from "node:assert/strict";
import type { X509Certificate } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { Pod, Secret } from "kubernetes-types/core/v1.d.ts";
import { readAuthoritySecret } from "#ca/authority-secret.ts";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { buildRequest } from "#x509/request.ts";
import { WireWriter } from "#xds/protobuf-wire.ts";
import { typeUrls } from "#xds/resource.ts";
import { eventually } from "#xds/test-envoy.ts";
import { recordLog } from "../attacks/recorded-log.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import {
  anchorsIn,
  type Caller,
  callOnce,
  certify,
  deltaPath,
  fieldsOf,
  firstRequest,
  openCall,
  tokenOf,
} from "./secure-call.ts";

describe("identities on 15012", () => {
  let plane: ControlPlane;
  const recorded = recordLog();
  before(async () => {
    plane = await startControlPlane({ log: recorded.log });
    await plane.client.create(resourceTypes.namespaces, { metadata: { name: "shop" } });
    await plane.client.create(resourceTypes.serviceAccounts, { metadata: { name: "default", namespace: "shop" } });
  });
  after(() => plane.stop());

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

  test("a proxy doesn't get what is another pod's, though it be in the same namespace", async () => {
    const { client } = plane;
    await client.create(resourceTypes.namespaces, { metadata: { name: "vaults" } });
    for (const name of ["default", "keeper"])
      await client.create(resourceTypes.serviceAccounts, { metadata: { name, namespace: "vaults" } });
    await client.create<Pod>(resourceTypes.pods, {
      metadata: { name: "a", namespace: "vaults" },
      spec: { serviceAccountName: "keeper", containers: [{ name: "app", image: "node:24" }] },
    });
    const ask = async (account: string): Promise<Uint8Array | string> => {
      const token = await tokenOf(plane, "vaults", account);
      return await callOnce(plane, deltaPath, { token }, firstRequest("vaults", typeUrls.listener));
    };
    await eventually(async () =>
      assert.match(String(await ask("default")), /^7 the node is pod a, which runs as keeper, its token is default's/),
    );
    assert.match(recorded.text(), /a proxy was refused: it isn't who its credentials say .*which runs as keeper/);
    assert.ok((await ask("keeper")) instanceof Uint8Array);
  });

  test("a workload's certificate names whose token asked, whatever the request says", async () => {
    const token = await tokenOf(plane, "shop", "default");
    const csr = buildRequest(await generateKeyPair(), { uri: "spiffe://cluster.local/ns/bank/sa/vault" });
    const chain = await certify(plane, { token }, csr);
    assert.ok(Array.isArray(chain), String(chain));
    const [leaf, root] = chain as readonly X509Certificate[];
    assert.equal(leaf?.subjectAltName, "URI:spiffe://cluster.local/ns/shop/sa/default");
    assert.ok(root && leaf.checkIssued(root) && leaf.verify(root.publicKey));
    assert.ok(Date.parse(leaf.validTo) - Date.now() <= 3_600_000);
    assert.match(String(await certify(plane, { token }, "x")), /^3 not a PEM/);
  });

  test("agents are told the trust anchors", async () => {
    const token = await tokenOf(plane, "shop", "default");
    const call = openCall(plane, deltaPath, { token }, firstRequest("shop", typeUrls.proxyConfig));
    const anchors = anchorsIn(await call.next());
    call.close();
    assert.deepEqual(anchors, [plane.istiod.rootPem()]);
  });

  test("a certificate of the mesh is as good as a token, one of somebody else isn't", async () => {
    const pair = await generateKeyPair();
    const key = pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const csr = buildRequest(pair, { uri: "spiffe://x" });
    const chain = await certify(plane, { token: await tokenOf(plane, "shop", "default") }, csr);
    assert.ok(typeof chain !== "string", String(chain));
    const cert = chain[0]?.toString() ?? "";
    const renewed = await certify(plane, { cert, key }, csr);
    assert.ok(typeof renewed !== "string", String(renewed));
    assert.equal(renewed[0]?.subjectAltName, "URI:spiffe://cluster.local/ns/shop/sa/default");

    const now = new Date();
    const made = await createSelfSignedRoot("cluster.local", now);
    const stranger = authorityFrom({ certificate: made.certificatePem, key: made.keyPem });
    const own = await plane.client.get<Secret>(resourceTypes.secrets, {
      namespace: "istio-system",
      name: "istio-ca-secret",
    });
    const { authority } = readAuthoritySecret(own, now.getTime());
    const names = (uri: string) => ({ publicKey: pair.publicKey, names: [{ uri }], lifetimeMs: 3_600_000, now });
    const identity = "spiffe://cluster.local/ns/shop/sa/default";
    for (const [bad, reason] of [
      [issue(stranger, names(identity)), /^16 the client's certificate isn't believed: \w+/],
      [issue(authority, { ...names(identity), lifetimeMs: -60_000 }), /^16 .*isn't believed: CERT_HAS_EXPIRED/],
      [issue(authority, names("spiffe://elsewhere/ns/shop/sa/default")), /^16 .*from the trust domain elsewhere/],
      [issue(authority, names("spiffe://cluster.local/ns/shop")), /^16 .*names no workload/],
      [
        issue(authority, { ...names(identity), names: [{ uri: identity }, { uri: identity.replace("shop", "bank") }] }),
        /^16 .*names no workload/,
      ],
    ] as const)
      assert.match(String(await certify(plane, { cert: bad, key }, csr)), reason);
  });

  test("requests that go too far are refused, and counted", async () => {
    const token = await tokenOf(plane, "shop", "default");
    const csr = buildRequest(await generateKeyPair(), { uri: "spiffe://x" });
    assert.match(
      String(await certify(plane, { token }, csr, 91 * 24 * 3600)),
      /^3 validity_duration: 7862400 s is more/,
    );
    assert.match(String(await certify(plane, { token }, "A".repeat(1_000_000))), /^3 .*longer than 16384/);
    const weak = buildRequest(await generateKeyPair({ rsaBits: 1024 }), { uri: "spiffe://x" });
    assert.match(String(await certify(plane, { token }, weak)), /^3 an RSA key must have 2048/);
    const text = await (await fetch(`http://127.0.0.1:${plane.istiod.ports.monitoring}/metrics`)).text();
    const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
    assert.equal(value('citadel_server_csr_sign_err_count{error="TTL_ERROR"}'), 1);
    assert.ok(value("citadel_server_csr_parsing_err_count") >= 2);
    assert.ok(value("citadel_server_authentication_failure_count") >= 5);
    assert.ok(value("citadel_server_success_cert_issuance_count") >= 3);
    assert.ok(value("citadel_server_csr_count") > value("citadel_server_success_cert_issuance_count"));
    const tenYears = value("citadel_server_root_cert_expiry_timestamp") - Date.now() / 1000;
    assert.ok(tenYears > 3649 * 86_400 && tenYears < 3651 * 86_400, String(tenYears));
  });

  test("a proxy gets a Secret of its own namespace, if its account may list them; keys aren't in any dump", async () => {
    const { client } = plane;
    const { certificatePem, keyPem } = await createSelfSignedRoot("shop.example", new Date());
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    await client.create(resourceTypes.namespaces, { metadata: { name: "bank" } });
    for (const namespace of ["shop", "bank"])
      await client.create<Secret>(resourceTypes.secrets, {
        metadata: { name: "tls", namespace },
        type: "kubernetes.io/tls",
        data: { "tls.crt": base64(certificatePem), "tls.key": base64(keyPem) },
      });
    const token = await tokenOf(plane, "shop", "default");
    const names = ["kubernetes://tls", "kubernetes://bank/tls", "kubernetes-gateway://bank/tls"];
    const asked = firstRequest("shop", typeUrls.secret, names, "router");
    const secretsFor = async (caller: Caller): Promise<readonly string[]> => {
      const answer = await callOnce(plane, deltaPath, caller, asked);
      assert.ok(typeof answer !== "string", String(answer));
      return fieldsOf(answer, 2).map((resource) => Buffer.from(fieldsOf(resource, 3)[0] ?? []).toString());
    };
    recorded.clear();
    assert.deepEqual(await secretsFor({ token }), []);
    assert.match(recorded.text(), /doesn't get the credential .*shop\/tls.*may not list secrets/);
    assert.match(recorded.text(), /doesn't get the credential .*bank\/tls.*in namespace shop/);

    const role = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "secrets" };
    const post = (plural: string, body: object) =>
      client.request({
        method: "POST",
        path: `/apis/rbac.authorization.k8s.io/v1/namespaces/shop/${plural}`,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ metadata: { name: "secrets" }, ...body }),
      });
    await post("roles", { rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "watch", "list"] }] });
    await post("rolebindings", {
      roleRef: role,
      subjects: [{ kind: "ServiceAccount", name: "default", namespace: "shop" }],
    });
    await plane.restartIstiod();
    assert.deepEqual(await secretsFor({ token }), ["kubernetes://tls"]);
    assert.deepEqual(await secretsFor({ isPlain: true }), [], "the port without TLS never gives any");
    assert.match(recorded.text(), /port without TLS/);

    const call = openCall(plane, deltaPath, { token }, asked);
    await call.next();
    call.send(new WireWriter().string(2, typeUrls.cluster).finish());
    await call.next();
    const { monitoring } = plane.istiod.ports;
    const dump = await (await fetch(`http://127.0.0.1:${monitoring}/debug/config_dump?proxyID=a.shop`)).text();
    call.close();
    assert.ok(dump.includes(base64("[redacted]")), dump);
    const secret = keyPem.split("\n")[1] ?? "";
    assert.ok(secret.length > 20 && !dump.includes(base64(keyPem).slice(0, 60)) && !dump.includes(secret));
  });
});

test("15010 can be closed", async () => {
  const plane = await startControlPlane({ flags: ["--grpcAddr="] });
  try {
    assert.equal(plane.istiod.ports.xds, 0);
    assert.ok(plane.istiod.ports.secureXds > 0);
  } finally {
    await plane.stop();
  }
});
