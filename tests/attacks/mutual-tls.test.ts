import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ConnectionOptions } from "node:tls";
import type { Secret } from "kubernetes-types/core/v1.d.ts";
import { type Authority, authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import type { AlternativeName } from "#x509/names.ts";
import { eventually } from "#xds/test-envoy.ts";
import { type AttackedMesh, startAttackedMesh } from "./attacked-mesh.ts";
import { rawExchange, statusesOf } from "./raw-exchange.ts";
import { startWeb, type Web } from "./web.ts";

const request = "GET / HTTP/1.1\r\nHost: web.example.com\r\nConnection: close\r\n\r\n";
const teller = { uri: "spiffe://cluster.local/ns/bank/sa/teller" };
const hour = 3_600_000;

describe("a STRICT port takes in the mesh's workloads alone", { skip: !findEnvoy() && "there is no Envoy" }, () => {
  let mesh: AttackedMesh;
  let web: Web;
  let authority: Authority;
  before(async () => {
    mesh = await startAttackedMesh();
    web = await startWeb(mesh, mesh);
    await mesh.client.create(resourceTypes.namespaces, { metadata: { name: "bank" } });
    await mesh.apply({
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata: { name: "default", namespace: "shop" },
      spec: { mtls: { mode: "STRICT" } },
    } as object);
    await eventually(async () => assert.deepEqual(statusesOf((await call()).text), []));
    const { data } = await mesh.client.get<Secret>(resourceTypes.secrets, {
      namespace: "istio-system",
      name: "istio-ca-secret",
    });
    const text = (key: string): string => Buffer.from(data?.[key] ?? "", "base64").toString();
    authority = authorityFrom({ certificate: text("ca-cert.pem"), key: text("ca-key.pem") });
  });
  after(() => mesh.stop());

  const call = (tls?: ConnectionOptions) => rawExchange({ port: web.sidecar, ...(tls ? { tls } : {}) }, request);
  const meshTls = (own: { readonly cert?: string; readonly key?: string }): ConnectionOptions => ({
    ...own,
    ca: mesh.istiod.rootPem(),
    ALPNProtocols: ["istio"],
    checkServerIdentity: () => undefined,
  });

  /** A certificate with this name that whoever has the authority's key can make. */
  async function made(by: Authority, names: readonly AlternativeName[], now = new Date(), lifetimeMs = hour) {
    const { publicKey, privateKey } = await generateKeyPair();
    const cert = issue(by, { publicKey, names, lifetimeMs, now });
    return { cert, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
  }

  test("a workload of the mesh is let in", async () => {
    const { chainPem, keyPem } = await mesh.secretsOf("bank", "teller");
    assert.deepEqual(statusesOf((await call(meshTls({ cert: chainPem, key: keyPem }))).text), [200]);
    assert.match(
      String(web.server.headers["x-forwarded-client-cert"]),
      /URI=spiffe:\/\/cluster.local\/ns\/bank\/sa\/teller/,
    );
  });

  test("and is let in by any name of its protocol, as its certificate is what counts", async () => {
    const { chainPem, keyPem } = await mesh.secretsOf("bank", "teller");
    const { text } = await call({ ...meshTls({ cert: chainPem, key: keyPem }), ALPNProtocols: ["http/1.1"] });
    assert.deepEqual(statusesOf(text), [200]);
  });

  interface Attack {
    /** Absent: plain text. */
    readonly tls?: () => Promise<ConnectionOptions>;
    /** What the client is told, by OpenSSL's names. */
    readonly told: RegExp;
    readonly logged: RegExp;
  }
  const attacks: Readonly<Record<string, Attack>> = {
    "plain text": { told: /ECONNRESET/, logged: /NR filter_chain_not_found/ },
    "TLS without a certificate": {
      tls: async () => meshTls({}),
      told: /CERTIFICATE_REQUIRED/,
      logged: /"TLS handshake" failed "TLS_error:.*PEER_DID_NOT_RETURN_A_CERTIFICATE/,
    },
    "a certificate of another authority, with the same name": {
      async tls() {
        const other = await createSelfSignedRoot("cluster.local", new Date());
        return meshTls(await made(authorityFrom({ certificate: other.certificatePem, key: other.keyPem }), [teller]));
      },
      told: /UNKNOWN_CA/,
      logged: /"TLS handshake" failed "TLS_error:.*CERTIFICATE_VERIFY_FAILED/,
    },
    "a certificate of another trust domain, from the mesh's authority": {
      tls: async () => meshTls(await made(authority, [{ uri: "spiffe://evil.example/ns/bank/sa/teller" }])),
      told: /CERTIFICATE_UNKNOWN/,
      logged: /"TLS handshake" failed .*CERTIFICATE_VERIFY_FAILED:.*SANs_are_\[spiffe:\/\/evil\.example\//,
    },
    "a trust domain that begins like the mesh's": {
      tls: async () =>
        meshTls(await made(authority, [{ uri: "spiffe://cluster.local.evil.example/ns/bank/sa/teller" }])),
      told: /CERTIFICATE_UNKNOWN/,
      logged: /"TLS handshake" failed .*SANs_are_\[spiffe:\/\/cluster\.local\.evil\.example\//,
    },
    "a certificate that ended": {
      tls: async () => meshTls(await made(authority, [teller], new Date(Date.now() - 2 * hour))),
      told: /CERTIFICATE_EXPIRED/,
      logged: /"TLS handshake" failed .*certificate_has_expired/,
    },
    "a certificate that is yet to begin": {
      tls: async () => meshTls(await made(authority, [teller], new Date(Date.now() + 24 * hour))),
      told: /CERTIFICATE_EXPIRED/,
      logged: /"TLS handshake" failed .*certificate_is_not_yet_valid/,
    },
    "a certificate without a workload's name": {
      tls: async () => meshTls(await made(authority, [{ dns: "teller.bank.svc.cluster.local" }])),
      told: /CERTIFICATE_UNKNOWN/,
      logged: /"TLS handshake" failed .*SANs_are_\[teller\.bank\.svc/,
    },
    "istiod's kind of certificate": {
      tls: async () => meshTls(await made(authority, [{ dns: "istiod.istio-system.svc" }])),
      told: /CERTIFICATE_UNKNOWN/,
      logged: /"TLS handshake" failed .*SANs_are_\[istiod\.istio-system\.svc/,
    },
    "TLS 1.1": {
      async tls() {
        const { chainPem, keyPem } = await mesh.secretsOf("bank", "teller");
        const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
        return { ...meshTls({ cert: chainPem, key: keyPem }), ...old };
      },
      told: /PROTOCOL_VERSION/,
      logged: /"TLS handshake" failed ".*(UNSUPPORTED_PROTOCOL|VERSION)/,
    },
  };
  for (const [name, { tls, told, logged }] of Object.entries(attacks))
    test(`refused: ${name}`, async () => {
      web.server.requests.length = 0;
      const { text, error, clientPort } = await call(await tls?.());
      assert.deepEqual(statusesOf(text), [], text);
      assert.match(error ?? "", told);
      assert.deepEqual(web.server.requests, []);
      assert.match((await mesh.accessLog(clientPort)).join("\n"), logged);
    });
});
