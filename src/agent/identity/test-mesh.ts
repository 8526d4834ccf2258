import { type Authority, authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { trustAnchors } from "#envoy/trust-anchors.ts";
import { silentLog } from "#log/log.ts";
import { buildCertificate, subjectOf } from "#x509/certificate.ts";
import { boolean, sequence } from "#x509/der.ts";
import { extension, extensionIds } from "#x509/extension.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { distinguishedName } from "#x509/names.ts";
import { readRequest } from "#x509/request.ts";
import { createAdsServer } from "#xds/ads-server.ts";
import type { GrpcMethod } from "#xds/grpc-call.ts";
import { createGrpcServer } from "#xds/grpc-server.ts";
import { GrpcError, grpcCode } from "#xds/grpc-status.ts";
import { WireReader, WireWriter } from "#xds/protobuf-wire.ts";
import { noResources } from "#xds/resource-set.ts";

/** For tests: a CA that signs for anybody, and the trust anchors over xDS, on one port over plaintext. */
export interface TestMesh {
  readonly port: number;
  /** Requests for certificates that were answered. */
  readonly issued: number;
  /** Signs with this root from now on, and names these along with a certificate. */
  use(authority: Authority, anchors?: readonly string[]): void;
  /** Refuses every request for a certificate, or doesn't any more. */
  refuse(refuses: boolean): void;
  /** Tells the agents. */
  tell(anchors: readonly string[]): void;
  stop(): Promise<void>;
}

export async function newRoot(name: string): Promise<Authority> {
  const root = await createSelfSignedRoot(name, new Date());
  return authorityFrom({ certificate: root.certificatePem, key: root.keyPem });
}

/** A CA that another one signed. */
export async function newIntermediate(root: Authority, name: string): Promise<Authority> {
  const pair = await generateKeyPair();
  const certificate = buildCertificate({
    subject: distinguishedName(name),
    issuer: subjectOf(root.certificate),
    publicKey: pair.publicKey,
    signingKey: root.key,
    notBefore: new Date(),
    notAfter: new Date(root.endsAt),
    extensions: [extension(extensionIds.basicConstraints, true, sequence(boolean(true)))],
  });
  const key = pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  return authorityFrom({ certificate, key, root: root.rootPem });
}

export async function startTestMesh(first: Authority): Promise<TestMesh> {
  let authority = first;
  let named: readonly string[] = [first.rootPem];
  let told: readonly string[] = [];
  let issued = 0;
  let refuses = false;

  const createCertificate: GrpcMethod = (call) => ({
    onMessage(message) {
      if (refuses) throw new GrpcError(grpcCode.unavailable, "not now");
      const { csr, seconds } = readMessage(message);
      const { publicKey, names } = readRequest(csr);
      const leaf = issue(authority, {
        publicKey,
        names: names.map((name) => ({ uri: name.slice("URI:".length) })),
        lifetimeMs: seconds * 1000,
        now: new Date(),
      });
      const answer = new WireWriter().string(1, leaf);
      for (const pem of named) answer.string(1, pem);
      issued += 1;
      call.send(answer.pieces());
      call.end(grpcCode.ok);
    },
    onHalfClose() {},
    onDrain() {},
    onClose() {},
  });
  const ads = createAdsServer({
    log: silentLog,
    controlPlane: "test",
    authenticate() {},
    open: () => ({
      id: "test",
      view: () => ({ version: "1", generate: () => (told.length === 0 ? noResources : trustAnchors(told)) }),
    }),
  });
  const path = "/istio.v1.auth.IstioCertificateService/CreateCertificate";
  const grpc = createGrpcServer({ methods: new Map([...ads.methods, [path, createCertificate]]), log: silentLog });
  const port = await grpc.listen(0, "127.0.0.1");
  return {
    port,
    get issued() {
      return issued;
    },
    use(next, anchors = [next.rootPem]) {
      authority = next;
      named = anchors;
    },
    refuse(now) {
      refuses = now;
    },
    tell(anchors) {
      told = anchors;
      ads.push("all");
    },
    async stop() {
      ads.stop();
      await grpc.shutdown();
    },
  };
}

/** Of an IstioCertificateRequest. */
function readMessage(message: Uint8Array): { csr: string; seconds: number } {
  const reader = new WireReader(message);
  const read = { csr: "", seconds: 0 };
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) read.csr = reader.string();
    else if (tag.field === 3) read.seconds = reader.varint();
    else reader.skip(tag.type);
  }
  return read;
}
