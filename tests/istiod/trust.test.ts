import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect } from "node:tls";
import type { ValidatingWebhookConfiguration } from "kubernetes-types/admissionregistration/v1.d.ts";
import type { Lease } from "kubernetes-types/coordination/v1.d.ts";
import type { ConfigMap, Secret } from "kubernetes-types/core/v1.d.ts";
import { createSelfSignedRoot } from "#ca/certificate.ts";
import { rotateAnnotation } from "#ca/own-root.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { buildRequest } from "#x509/request.ts";
import { typeUrls } from "#xds/resource.ts";
import { eventually } from "#xds/test-envoy.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { anchorsIn, certify, deltaPath, firstRequest, openCall, tokenOf } from "./secure-call.ts";

const namespace = "istio-system";

describe("roots come and go", () => {
  let plane: ControlPlane;
  before(async () => {
    const env = { WEFT_ROOT_DISTRIBUTION_TIME: "1500ms", TOKEN_AUDIENCES: "istio-ca,mesh" };
    plane = await startControlPlane({ env });
    await plane.client.create(resourceTypes.namespaces, { metadata: { name: "shop" } });
    await plane.client.create(resourceTypes.serviceAccounts, { metadata: { name: "default", namespace: "shop" } });
  });
  after(() => plane.stop());

  /** The root that a certificate which is issued now goes back to. */
  async function signedBy(): Promise<string> {
    const csr = buildRequest(await generateKeyPair(), { uri: "spiffe://x" });
    const chain = await certify(plane, { token: await tokenOf(plane, "shop", "default") }, csr);
    assert.ok(typeof chain !== "string", String(chain));
    const root = chain.at(-1);
    assert.ok(root && chain[0]?.verify(root.publicKey), "the last certificate is the root");
    return root.toString();
  }

  /** What agents are told, next time. */
  async function anchors(): Promise<readonly string[]> {
    const caller = { token: await tokenOf(plane, "shop", "default") };
    const call = openCall(plane, deltaPath, caller, firstRequest("shop", typeUrls.proxyConfig));
    const list = anchorsIn(await call.next());
    call.close();
    return list;
  }

  async function configMap(name: string, key: string): Promise<string | undefined> {
    return (await plane.client.get<ConfigMap>(resourceTypes.configMaps, { namespace: "shop", name })).data?.[key];
  }

  /** The issuer of what istiod shows of itself, to who believes these roots. */
  function shown(roots: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const { secureXds: port } = plane.istiod.ports;
      const socket = connect({ port, host: "localhost", servername: "istiod.istio-system.svc", ca: roots }, () => {
        resolve(socket.getPeerX509Certificate()?.toString() ?? "");
        socket.destroy();
      });
      socket.once("error", reject);
    });
  }

  const issuedBy = (leaf: string, root: string): boolean =>
    new X509Certificate(leaf).verify(new X509Certificate(root).publicKey);

  const caBundle = async (): Promise<string> => {
    const found = await plane.client.list<ValidatingWebhookConfiguration>(
      resourceTypes.validatingWebhookConfigurations,
    );
    return Buffer.from(found.items[0]?.webhooks?.[0]?.clientConfig.caBundle ?? "", "base64").toString();
  };

  async function put(name: string, texts: Readonly<Record<string, string>>, annotations = {}): Promise<void> {
    const data = Object.fromEntries(
      Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString("base64")]),
    );
    const found = await plane.client.find<Secret>(resourceTypes.secrets, { namespace, name });
    const metadata = { ...found?.metadata, namespace, name, annotations };
    if (found) await plane.client.update<Secret>(resourceTypes.secrets, { ...found, metadata, data });
    else await plane.client.create<Secret>(resourceTypes.secrets, { metadata, data });
  }

  let first: string;
  let second: string;

  test("istiod's own root is replaced on demand: told first, then it signs; the former one stays believed", async () => {
    first = plane.istiod.rootPem();
    const caller = { token: await tokenOf(plane, "shop", "default") };
    const stream = openCall(plane, deltaPath, caller, firstRequest("shop", typeUrls.proxyConfig));
    assert.deepEqual(anchorsIn(await stream.next()), [first]);
    await eventually(async () => assert.equal(await configMap("istio-ca-root-cert", "root-cert.pem"), first));

    const patch = { metadata: { annotations: { [rotateAnnotation]: "now" } } };
    await plane.client.patch(resourceTypes.secrets, { namespace, name: "istio-ca-secret", as: "merge", patch });
    const told = anchorsIn(await stream.next());
    stream.close();
    assert.equal(told.length, 2, "who is connected hears of it at once");
    second = told.find((pem) => pem !== first) ?? "";
    assert.equal(await signedBy(), first, "nothing is signed with it yet");
    const both = [first, second].sort().join("");
    await eventually(async () => assert.equal(await configMap("istio-ca-root-cert", "root-cert.pem"), both));
    await eventually(async () => assert.equal(await caBundle(), both));
    assert.ok(issuedBy(await shown(first), first));

    await eventually(async () => assert.equal(await signedBy(), second));
    await eventually(async () => assert.ok(issuedBy(await shown(both), second)));
    assert.deepEqual(await anchors(), [first, second].sort());
    assert.equal(await configMap("istio-ca-root-cert", "root-cert.pem"), both);
  });

  test("tokens of every audience that istiod is told of are good", async () => {
    const csr = buildRequest(await generateKeyPair(), { uri: "spiffe://x" });
    const asked = async (audience: string) =>
      await certify(plane, { token: await tokenOf(plane, "shop", "default", audience) }, csr);
    assert.ok(typeof (await asked("mesh")) !== "string");
    assert.match(String(await asked("vault")), /^16 /);
  });

  test("what one istiod of several does is handed over when it stops", async () => {
    const holder = async (name: string): Promise<string | undefined> =>
      (await plane.client.get<Lease>(resourceTypes.leases, { namespace, name })).spec?.holderIdentity;
    const names = ["istio-gateway-status-leader", "istio-gateway-deployment-default", "istio-ip-autoallocate"];
    const before = await Promise.all(names.map(holder));
    assert.ok(before.every(Boolean));
    await plane.restartIstiod();
    const started = Date.now();
    await eventually(async () => {
      const after = await Promise.all(names.map(holder));
      assert.ok(after.every((identity, index) => identity && identity !== before[index]));
    });
    assert.ok(Date.now() - started < 10_000, "nobody waits for the lease to end");
  });

  test("another istiod, or one that was restarted, has the same roots", async () => {
    await plane.restartIstiod();
    assert.deepEqual(await anchors(), [first, second].sort());
    assert.equal(await signedBy(), second);
  });

  let third: { readonly certificatePem: string; readonly keyPem: string };

  test("a CA that is plugged in takes over in the same way, without a restart", async () => {
    third = await createSelfSignedRoot("theirs", new Date(), { kind: { rsaBits: 2048 }, lifetimeMs: 86_400_000 });
    await put("cacerts", {
      "ca-cert.pem": third.certificatePem,
      "ca-key.pem": third.keyPem,
      "root-cert.pem": third.certificatePem,
      "cert-chain.pem": "",
    });
    await eventually(async () => assert.deepEqual(await anchors(), [first, second, third.certificatePem].sort()));
    assert.equal(await signedBy(), second);
    await eventually(async () => assert.equal(await signedBy(), third.certificatePem));
  });

  test("one that can't be used is refused, and the last good one signs on", async () => {
    const other = await createSelfSignedRoot("other", new Date());
    await put("cacerts", { "ca-cert.pem": other.certificatePem, "ca-key.pem": third.keyPem });
    await new Promise((done) => setTimeout(done, 2_000));
    assert.equal(await signedBy(), third.certificatePem);
    assert.equal((await anchors()).includes(other.certificatePem), false);
  });

  test("former roots are forgotten at once when somebody says so", async () => {
    const texts = { "ca-cert.pem": third.certificatePem, "ca-key.pem": third.keyPem };
    await put("cacerts", texts, { "weft.dev/forget-former-roots": "true" });
    await eventually(async () => assert.deepEqual(await anchors(), [third.certificatePem]));
    assert.equal(await signedBy(), third.certificatePem);
    await eventually(async () =>
      assert.equal(await configMap("istio-ca-root-cert", "root-cert.pem"), third.certificatePem),
    );
  });

  test("a list of revoked certificates comes to every namespace, counts for istiod, and goes again", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "weft-crl-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
    const pair = await generateKeyPair();
    const key = pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const csr = buildRequest(pair, { uri: "spiffe://x" });
    const [good, bad] = await Promise.all(
      [1, 2].map(async () => {
        const chain = await certify(plane, { token: await tokenOf(plane, "shop", "default") }, csr);
        assert.ok(typeof chain !== "string", String(chain));
        return chain[0];
      }),
    );
    const revokedAt = new Date()
      .toISOString()
      .replace(/[-:T]|\.\d+/g, "")
      .slice(2);
    write("index.txt", `R\t491231235959Z\t${revokedAt}\t${bad?.serialNumber}\tunknown\t/O=x\n`);
    write("ca.cnf", "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=1\n");
    write("ca.crt", third.certificatePem);
    write("ca.key", third.keyPem);
    const program = "openssl";
    let crl: string;
    try {
      const args = ["ca", "-gencrl", "-config", "ca.cnf", "-cert", "ca.crt", "-keyfile", "ca.key"];
      crl = execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: "pipe" });
    } catch {
      return t.skip("no openssl");
    }
    const texts = { "ca-cert.pem": third.certificatePem, "ca-key.pem": third.keyPem };
    await eventually(async () => assert.equal(await configMap("istio-ca-crl", "ca-crl.pem"), ""));
    await put("cacerts", { ...texts, "ca-crl.pem": crl });
    await eventually(async () => assert.equal(await configMap("istio-ca-crl", "ca-crl.pem"), crl));
    const renew = async (certificate: X509Certificate | undefined): Promise<unknown> => {
      const answer = await certify(plane, { cert: certificate?.toString() ?? "", key }, csr);
      return typeof answer === "string" ? answer : "certified";
    };
    assert.match(String(await renew(bad)), /^16 the client's certificate isn't believed: CERT_REVOKED/);
    assert.equal(await renew(good), "certified");
    await put("cacerts", texts);
    await eventually(async () => assert.equal(await configMap("istio-ca-crl", "ca-crl.pem"), ""));
    await eventually(async () => assert.equal(await renew(bad), "certified"));
  });

  test("roots of the mesh configuration are believed by workloads, but not for istiod", async () => {
    const partner = (await createSelfSignedRoot("partner", new Date())).certificatePem;
    const ref = { namespace, name: "istio" };
    const { data } = await plane.client.get<ConfigMap>(resourceTypes.configMaps, ref);
    const more = `caCertificates:\n- pem: |\n${partner.replace(/^/gm, "    ").trimEnd()}\n`;
    const patch = { data: { mesh: `${data?.["mesh"] ?? ""}\n${more}` } };
    await plane.client.patch(resourceTypes.configMaps, { ...ref, as: "merge", patch });
    await eventually(async () =>
      assert.deepEqual([...(await anchors())].sort(), [third.certificatePem, partner].sort()),
    );
    assert.equal(await signedBy(), third.certificatePem);
    assert.equal(await configMap("istio-ca-root-cert", "root-cert.pem"), third.certificatePem);
    await plane.client.patch(resourceTypes.configMaps, { ...ref, as: "merge", patch: { data } });
    await eventually(async () => assert.deepEqual(await anchors(), [third.certificatePem]));
  });
});

test("a root that ends is replaced before, by itself", async () => {
  const env = {
    CITADEL_SELF_SIGNED_CA_CERT_TTL: "12s",
    CITADEL_SELF_SIGNED_ROOT_CERT_GRACE_PERIOD_PERCENTILE: "50",
    WEFT_ROOT_DISTRIBUTION_TIME: "300ms",
  };
  const plane = await startControlPlane({ env });
  try {
    const first = plane.istiod.rootPem();
    const end = Date.parse(new X509Certificate(first).validTo);
    await eventually(() => assert.match(plane.istiod.rootPem(), /-----BEGIN[^]+-----BEGIN/));
    const read = async (): Promise<string> => {
      const found = await plane.client.get<Secret>(resourceTypes.secrets, { namespace, name: "istio-ca-secret" });
      return Buffer.from(found.data?.["ca-cert.pem"] ?? "", "base64").toString();
    };
    await eventually(async () => assert.notEqual(await read(), first));
    assert.ok(Date.now() < end, "the next one signs while the former one holds");
  } finally {
    await plane.stop();
  }
});
