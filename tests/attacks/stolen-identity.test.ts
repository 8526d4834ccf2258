import assert from "node:assert/strict";
import { createHmac, X509Certificate } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { boolean, sequence } from "#x509/der.ts";
import { extension, extensionIds } from "#x509/extension.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import type { AlternativeName } from "#x509/names.ts";
import { pemBlocks } from "#x509/pem.ts";
import { WireWriter } from "#xds/protobuf-wire.ts";
import { typeUrls } from "#xds/resource.ts";
import { eventually } from "#xds/test-envoy.ts";
import { type AttackedMesh, startAttackedMesh } from "./attacked-mesh.ts";
import { type ForgedRequest, forgedRequest } from "./forged-request.ts";
import { frame, type GrpcAnswer, grpcExchange } from "./grpc-exchange.ts";

const signing = "/istio.v1.auth.IstioCertificateService/CreateCertificate";
const ads = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
/** Of gRPC's status codes. */
const [invalidArgument, permissionDenied, unauthenticated] = [3, 7, 16];
const teller = { uri: "spiffe://cluster.local/ns/bank/sa/teller" };
const mallory = { uri: "spiffe://cluster.local/ns/shop/sa/mallory" };

describe("who has the token of shop/mallory can't be bank/teller", () => {
  let mesh: AttackedMesh;
  let token = "";
  before(async () => {
    mesh = await startAttackedMesh();
    for (const name of ["shop", "bank"]) await mesh.client.create(resourceTypes.namespaces, { metadata: { name } });
    token = await mesh.tokenOf("shop", "mallory");
    await mesh.tokenOf("bank", "teller");
    const data = { "tls.crt": Buffer.from("x").toString("base64") };
    await mesh.client.create(resourceTypes.secrets, { metadata: { name: "vault", namespace: "bank" }, data });
  });
  beforeEach(() => mesh.istiodLog.clear());
  after(() => mesh.stop());

  interface Call {
    readonly token?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly certificate?: { readonly cert: string; readonly key: string };
  }
  const call = (path: string, bytes: Uint8Array, as: Call = { token }): Promise<GrpcAnswer> =>
    grpcExchange({ port: mesh.istiod.ports.secureXds, ca: mesh.istiod.rootPem(), ...as }, path, bytes);
  const sign = (csr: string, as?: Call, seconds = 3600): Promise<GrpcAnswer> =>
    call(signing, frame(new WireWriter().string(1, csr).varint(3, seconds).finish()), as);
  const logged = (line: RegExp): Promise<void> => eventually(() => assert.match(mesh.istiodLog.text(), line));

  describe("by a certificate request", () => {
    const forgeries: readonly (readonly [string, ForgedRequest])[] = [
      ["another's name", { names: [teller] }],
      ["another's name besides its own", { names: [mallory, teller] }],
      ["names of hosts", { names: [mallory, { dns: "istiod.istio-system.svc" }, { ip: "10.96.0.1" }] }],
      ["a thousand bytes of name", { names: [{ uri: `${teller.uri}/${"x".repeat(1000)}` }] }],
      [
        "to be an authority",
        { names: [mallory], extensions: [extension(extensionIds.basicConstraints, true, sequence(boolean(true)))] },
      ],
    ];
    for (const [name, forgery] of forgeries)
      test(`that asks for ${name}`, async () => {
        const { message, reason } = await sign(forgedRequest(await generateKeyPair(), forgery));
        assert.ok(message, reason);
        const [leaf = ""] = pemBlocks(message.toString("latin1"), "CERTIFICATE");
        const certificate = new X509Certificate(leaf);
        assert.equal(certificate.subjectAltName, `URI:${mallory.uri}`);
        assert.ok(!certificate.subject, certificate.subject);
        assert.equal(certificate.ca, false);
        const asked = forgery.names?.find((one) => one !== mallory);
        if (asked)
          await logged(
            /warn a certificate request asks for other names .*"caller":"spiffe:\/\/cluster.local\/ns\/shop\/sa\/mallory"/,
          );
      });

    test("with a key that isn't the caller's", async () => {
      const [own, others] = await Promise.all([generateKeyPair(), generateKeyPair()]);
      const { status, reason } = await sign(forgedRequest(own, { keyOf: others, names: [mallory] }));
      assert.equal(status, invalidArgument, reason);
      assert.match(reason ?? "", /signature/);
      await logged(/warn .*signature/);
    });

    test("of 1 MB, and others that are none", async () => {
      const good = forgedRequest(await generateKeyPair(), { names: [mallory] });
      for (const csr of ["x".repeat(1024 * 1024), good + good, good.slice(0, 200), "", good.replace(/[A-Z]/g, "A")]) {
        const { status, reason } = await sign(csr);
        assert.equal(status, invalidArgument, `${csr.slice(0, 40)}: ${reason}`);
      }
      await logged(/warn .*longer than/);
    });

    test("for a hundred years", async () => {
      const { status, reason } = await sign(forgedRequest(await generateKeyPair(), {}), undefined, 3_153_600_000);
      assert.equal(status, invalidArgument, reason);
      assert.match(reason ?? "", /MAX_WORKLOAD_CERT_TTL/);
    });

    test("whose protobuf is none", async () => {
      for (const bytes of [Buffer.from([0xff]), Buffer.from("0affffffff7f", "hex"), Buffer.alloc(0)]) {
        const { message, status } = await call(signing, frame(bytes));
        assert.equal(message, undefined);
        assert.notEqual(status, 0);
      }
    });
  });

  describe("by a client certificate", () => {
    const selfMade = async (names: readonly AlternativeName[], notAfter: number) => {
      const own = await createSelfSignedRoot("cluster.local", new Date());
      const authority = authorityFrom({ certificate: own.certificatePem, key: own.keyPem });
      const { publicKey, privateKey } = await generateKeyPair();
      const cert = issue(authority, { publicKey, names, lifetimeMs: notAfter, now: new Date() });
      return { cert, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
    };

    test("from an authority of one's own", async () => {
      const certificate = await selfMade([teller], 3_600_000);
      const { status, error, reason } = await sign(forgedRequest(await generateKeyPair(), {}), { certificate });
      assert.ok(status === unauthenticated || error, JSON.stringify([status, reason, error]));
      if (status !== undefined) await logged(/warn call refused .*isn't believed/);
    });

    test("of the mesh, but another's token beside it, or another's name in the request", async () => {
      const certificate = await own();
      const both = await sign(forgedRequest(await generateKeyPair(), {}), { certificate, token: "x.y.z" });
      assert.equal(both.status, unauthenticated, "a bad token isn't made good by a certificate");
      const { message, reason } = await sign(forgedRequest(await generateKeyPair(), { names: [teller] }), {
        certificate,
      });
      assert.ok(message, reason);
      const [leaf = ""] = pemBlocks(message.toString("latin1"), "CERTIFICATE");
      assert.equal(new X509Certificate(leaf).subjectAltName, `URI:${mallory.uri}`);
    });

    async function own(): Promise<{ readonly cert: string; readonly key: string }> {
      const { chainPem, keyPem } = await mesh.secretsOf("shop", "mallory");
      return { cert: chainPem, key: keyPem };
    }

    test("of the mesh, for a proxy of another namespace", async () => {
      const { status, reason } = await call(ads, nodeOf("bank", "teller"), { certificate: await own() });
      assert.equal(status, permissionDenied, reason);
      await logged(/warn a proxy was refused/);
    });
  });

  describe("by a token", () => {
    const b64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = {
      iss: "https://kubernetes.default.svc.cluster.local",
      sub: "system:serviceaccount:bank:teller",
      aud: ["istio-ca"],
      exp: 4_102_444_800,
      "kubernetes.io": { namespace: "bank", serviceaccount: { name: "teller" } },
    };
    const tokens: readonly (readonly [string, () => string | Promise<string>])[] = [
      ["of another audience", () => mesh.tokenOf("bank", "teller", "vault")],
      ["that isn't signed", () => `${b64({ alg: "none" })}.${b64(claims)}.`],
      [
        "that is signed with a public thing as a secret",
        () => {
          const text = `${b64({ alg: "HS256" })}.${b64(claims)}`;
          return `${text}.${createHmac("sha256", mesh.istiod.rootPem()).update(text).digest("base64url")}`;
        },
      ],
      [
        "whose claims were changed",
        () => {
          const [head = "", , signature = ""] = token.split(".");
          return `${head}.${b64(claims)}.${signature}`;
        },
      ],
      ["that is none", () => "x"],
      ["of 100 KB", () => "x".repeat(30_000)],
    ];
    for (const [name, make] of tokens)
      test(name, async () => {
        const stolen = await make();
        const csr = forgedRequest(await generateKeyPair(), { names: [teller] });
        for (const answer of [
          await sign(csr, { token: stolen }),
          await call(ads, nodeOf("bank", "teller"), { token: stolen }),
        ]) {
          assert.equal(answer.message, undefined);
          assert.ok(answer.status === unauthenticated || answer.error, JSON.stringify(answer));
        }
        await logged(/warn call refused/);
      });

    test("none, two, or one that came some other way", async () => {
      const csr = forgedRequest(await generateKeyPair(), { names: [teller] });
      for (const headers of [
        {},
        { authorization: token },
        { authorization: `Basic ${token}` },
        { authorization: `Bearer ${token}, Bearer ${token}` },
        { "x-forwarded-client-cert": `By=x;URI=${teller.uri}` },
      ]) {
        const answer = await sign(csr, { headers });
        assert.equal(answer.status, unauthenticated, JSON.stringify([headers, answer]));
      }
      await logged(/warn call refused .*no bearer token/);
    });
  });

  describe("by a node's name in an xDS request", () => {
    test("of another namespace", async () => {
      const answer = await call(ads, nodeOf("bank", "mallory"));
      assert.equal(answer.status, permissionDenied, JSON.stringify(answer));
      await logged(/warn a proxy was refused: .*the node is in namespace bank/);
    });

    test("of another account in the same namespace", async () => {
      const answer = await call(ads, nodeOf("shop", "teller"));
      assert.equal(answer.status, permissionDenied, JSON.stringify(answer));
      await logged(/warn a proxy was refused: .*the node runs as teller/);
    });
  });

  test("a Secret of another namespace isn't served, on no port and by no way of naming it", async () => {
    const names = [
      "kubernetes://bank/vault",
      "kubernetes://vault",
      "kubernetes-gateway://bank/vault",
      "kubernetes://../bank/vault",
    ];
    const ask = (node: WireWriter): Uint8Array => {
      const request = new WireWriter().message(1, node).string(2, typeUrls.secret);
      for (const name of names) request.string(3, name);
      return frame(request.finish());
    };
    for (const kind of ["router", "sidecar"])
      for (const [namespace, target] of [
        ["shop", { port: mesh.istiod.ports.secureXds, ca: mesh.istiod.rootPem(), token }],
        ["bank", { port: mesh.istiod.ports.xds }],
      ] as const) {
        const { message, status, reason } = await grpcExchange(target, ads, ask(node(kind, namespace, "mallory")));
        assert.equal(status, undefined, reason);
        assert.ok(!message?.includes("tls.crt") && !message?.includes("privateKey"), message?.toString("latin1"));
        assert.ok(message?.includes("vault"), "told as not there");
      }
  });
});

/** envoy.config.core.v3.Node */
function node(kind: string, namespace: string, account: string, inMetadata = namespace): WireWriter {
  const text = (value: string): WireWriter => new WireWriter().string(3, value);
  const field = (key: string, value: string): WireWriter => new WireWriter().string(1, key).message(2, text(value));
  const metadata = new WireWriter()
    .message(1, field("NAMESPACE", inMetadata))
    .message(1, field("SERVICE_ACCOUNT", account));
  return new WireWriter()
    .string(1, `${kind}~10.1.1.1~pod.${namespace}~${namespace}.svc.cluster.local`)
    .message(3, metadata);
}

/** A request for listeners, as that node. */
function nodeOf(namespace: string, account: string, inMetadata?: string): Uint8Array {
  return frame(
    new WireWriter()
      .message(1, node("sidecar", namespace, account, inMetadata))
      .string(2, typeUrls.listener)
      .finish(),
  );
}
