import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type ConnectionOptions, connect, type TLSSocket } from "node:tls";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { eventually, freePort } from "#xds/test-envoy.ts";
import { type AttackedMesh, startAttackedMesh } from "./attacked-mesh.ts";
import { startWeb, type Web } from "./web.ts";

const host = "web.example.com";
/** What OpenSSL would not do by itself any more. */
const lenient = { ciphers: "ALL:COMPLEMENTOFALL:@SECLEVEL=0", minVersion: "TLSv1" } as const;

/** What a handshake ended with: the protocol and the cipher, or why there are none. */
type Handshake = { readonly protocol: string; readonly cipher: string } | { readonly error: string };

describe("what TLS gateways and sidecars offer", { skip: !findEnvoy() && "there is no Envoy" }, () => {
  let mesh: AttackedMesh;
  let web: Web;
  /** Ports of a gateway's servers that want no certificate of the client, and one. */
  const ports = { simple: 0, mutual: 0 };
  let ca = "";
  let own: { readonly cert: string; readonly key: string };

  before(async () => {
    mesh = await startAttackedMesh();
    web = await startWeb(mesh, mesh);
    ports.simple = await freePort();
    ports.mutual = await freePort();
    const root = await createSelfSignedRoot("test", new Date());
    const authority = authorityFrom({ certificate: root.certificatePem, key: root.keyPem });
    // Both kinds of keys, so that the kind doesn't decide which ciphers there are.
    const pair = async (kind: "P-256" | { readonly rsaBits: number }) => {
      const { publicKey, privateKey } = await generateKeyPair(kind);
      const cert = issue(authority, { publicKey, names: [{ dns: host }], lifetimeMs: 3_600_000, now: new Date() });
      return { cert, key: String(privateKey.export({ type: "pkcs8", format: "pem" })) };
    };
    const [ec, rsa] = await Promise.all([pair("P-256"), pair({ rsaBits: 2048 })]);
    ca = root.certificatePem;
    own = ec;
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const metadata = (name: string) => ({ name, namespace: "shop" });
    const secret = (name: string, { cert, key }: typeof ec): object => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: metadata(name),
      data: { "tls.crt": base64(cert), "tls.key": base64(key), "ca.crt": base64(ca) },
    });
    const rbac = "rbac.authorization.k8s.io";
    const server = (number: number, name: string, tls: object): object => ({
      port: { number, name, protocol: "HTTPS" },
      hosts: ["*"],
      tls,
    });
    await mesh.apply(
      secret("ec", ec),
      secret("rsa", rsa),
      {
        apiVersion: `${rbac}/v1`,
        kind: "Role",
        metadata: metadata("edge"),
        rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "watch", "list"] }],
      } as object,
      {
        apiVersion: `${rbac}/v1`,
        kind: "RoleBinding",
        metadata: metadata("edge"),
        roleRef: { apiGroup: rbac, kind: "Role", name: "edge" },
        subjects: [{ kind: "ServiceAccount", name: "secure", namespace: "shop" }],
      } as object,
      {
        apiVersion: "networking.istio.io/v1",
        kind: "Gateway",
        metadata: metadata("secure"),
        spec: {
          selector: { app: "secure" },
          servers: [
            server(ports.simple, "simple", { mode: "SIMPLE", credentialNames: ["ec", "rsa"] }),
            server(ports.mutual, "mutual", { mode: "MUTUAL", credentialName: "ec" }),
          ],
        },
      } as object,
    );
    await mesh.startProxy(mesh, { type: "router", name: "secure", namespace: "shop" });
    await eventually(async () => assert.ok("protocol" in (await handshake(ports.simple))));
    await eventually(async () => assert.ok("protocol" in (await handshake(ports.mutual, own))));
  });
  after(() => mesh.stop());

  function open(port: number, options: ConnectionOptions): Promise<TLSSocket | string> {
    return new Promise((resolve) => {
      const roots = port === web.sidecar ? mesh.istiod.rootPem() : ca;
      const socket = connect({
        host: "127.0.0.1",
        port,
        servername: host,
        ca: roots,
        checkServerIdentity: () => undefined,
        ...options,
      });
      // A client of TLS 1.3 is done before the server has looked at its certificate: its first answer tells.
      socket.on("secureConnect", () => socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
      socket.once("data", () => resolve(socket));
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      socket.on("close", () => resolve("closed"));
    });
  }

  async function handshake(port: number, options: ConnectionOptions = {}): Promise<Handshake> {
    const socket = await open(port, options);
    if (typeof socket === "string") return { error: socket };
    const found = { protocol: socket.getProtocol() ?? "", cipher: socket.getCipher().name };
    socket.destroy();
    return found;
  }

  async function meshClient(): Promise<ConnectionOptions> {
    const { chainPem, keyPem } = await mesh.secretsOf("shop", "caller");
    return { cert: chainPem, key: keyPem, ALPNProtocols: ["istio"] };
  }

  const places: Readonly<Record<string, () => Promise<readonly [number, ConnectionOptions]>>> = {
    "a gateway": async () => [ports.simple, {}],
    "a gateway that wants certificates": async () => [ports.mutual, own],
    "a sidecar": async () => [web.sidecar, await meshClient()],
  };
  for (const [name, place] of Object.entries(places)) {
    test(`${name}: TLS 1.2 and 1.3, the newest where both can it, and none before`, async () => {
      const [port, options] = await place();
      const usual = await handshake(port, options);
      assert.equal("protocol" in usual && usual.protocol, "TLSv1.3");
      const older = await handshake(port, { ...options, maxVersion: "TLSv1.2" });
      assert.equal("protocol" in older && older.protocol, "TLSv1.2", JSON.stringify(older));
      for (const version of ["TLSv1", "TLSv1.1"] as const) {
        const { error } = (await handshake(port, { ...options, ...lenient, maxVersion: version })) as {
          error?: string;
        };
        assert.match(error ?? "none", /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/, version);
      }
    });

    test(`${name}: no cipher that is weak`, async () => {
      const [port, options] = await place();
      for (const ciphers of [
        "aNULL",
        "eNULL",
        "3DES",
        "RC4",
        "DES",
        "MD5",
        "PSK",
        "SRP",
        "CAMELLIA",
        "SEED",
        "IDEA",
        "ARIA",
        "AESCCM",
      ]) {
        let answer: Handshake;
        try {
          answer = await handshake(port, {
            ...options,
            ciphers: `${ciphers}:@SECLEVEL=0`,
            minVersion: "TLSv1",
            maxVersion: "TLSv1.2",
          });
        } catch (error) {
          // OpenSSL has none of them itself.
          assert.match((error as NodeJS.ErrnoException).code ?? "", /NO_CIPHER_MATCH/);
          continue;
        }
        assert.ok("error" in answer, `${ciphers}: ${JSON.stringify(answer)}`);
      }
      // What is left of 1.2: authenticated encryption alone.
      const found = new Set<string>();
      for (let offer = "ALL"; ; ) {
        const answer = await handshake(port, { ...options, ciphers: `${offer}:@SECLEVEL=0`, maxVersion: "TLSv1.2" });
        if ("error" in answer || found.has(answer.cipher)) break;
        found.add(answer.cipher);
        offer += `:!${answer.cipher}`;
      }
      assert.ok(found.size > 0);
      assert.deepEqual(
        [...found].filter((cipher) => !/GCM|CHACHA20/.test(cipher)),
        [],
      );
    });

    test(`${name}: nothing is renegotiated`, async () => {
      const [port, options] = await place();
      const socket = await open(port, { ...options, maxVersion: "TLSv1.2" });
      assert.ok(typeof socket !== "string");
      const outcome = await new Promise<string>((resolve) => {
        socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        socket.on("close", () => resolve("closed"));
        socket.renegotiate({}, (error) => resolve(error ? "refused" : "renegotiated"));
      });
      socket.destroy();
      assert.notEqual(outcome, "renegotiated");
    });
  }

  test("who is asked for a certificate must have one", async () => {
    const refused = /CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|closed|ECONNRESET/;
    for (const port of [ports.mutual, web.sidecar])
      for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
        const answer = (await handshake(port, { ALPNProtocols: ["istio"], maxVersion })) as { error?: string };
        assert.match(answer.error ?? JSON.stringify(answer), refused);
      }
  });
});
