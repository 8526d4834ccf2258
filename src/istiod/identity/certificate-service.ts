import { type Authority, issue } from "#ca/certificate.ts";
import type { Log } from "#log/log.ts";
import { type Identity, identityUri } from "#model/spiffe.ts";
import { pemBlocks } from "#x509/pem.ts";
import { type CertificateRequest, readRequest } from "#x509/request.ts";
import type { GrpcCall, GrpcMethod } from "#xds/grpc-call.ts";
import { GrpcError, grpcCode } from "#xds/grpc-status.ts";
import { decodeStruct } from "#xds/node.ts";
import { WireReader, WireWriter } from "#xds/protobuf-wire.ts";
import type { CaMetrics } from "./ca-metrics.ts";
import type { KubernetesSigner } from "./kubernetes-signer.ts";

export const createCertificatePath = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

export interface CertificateServiceOptions {
  readonly signer: () => Authority;
  /** Signs instead. */
  readonly external: KubernetesSigner | undefined;
  /** A root that what somebody else signed goes back to, PEM. */
  readonly onRoot: (pem: string) => void;
  /** All roots that workloads believe, PEM. */
  readonly trustAnchors: () => readonly string[];
  /** Rejects with a GrpcError. */
  readonly identify: (call: GrpcCall) => Promise<Identity>;
  readonly lifetimeMs: { readonly usual: number; readonly longest: number };
  /** A certificate was issued that holds so long, ms. */
  readonly onIssued: (lifetimeMs: number) => void;
  readonly metrics: CaMetrics;
  readonly log: Log;
}

/** Signs the certificate requests of workloads. Istio: Server.CreateCertificate. */
export function certificateMethod(options: CertificateServiceOptions): GrpcMethod {
  const { metrics, lifetimeMs: limits } = options;
  return async (call) => {
    const log = options.log.with({ peer: call.peer });
    metrics.requested();
    const identity = await options.identify(call).catch((error: unknown) => {
      metrics.unauthenticated();
      throw error;
    });
    const uri = identityUri(identity);
    if (uri === undefined) {
      metrics.unidentified();
      throw new GrpcError(grpcCode.unauthenticated, "the caller has no identity that can be certified");
    }
    let isAnswered = false;

    async function certify(message: Uint8Array): Promise<readonly string[]> {
      const { csr, lifetimeMs, metadata } = decodeRequest(message, limits.usual);
      if (metadata["ImpersonatedIdentity"]) {
        log.warn("a certificate for somebody else was refused", {
          caller: uri,
          wanted: metadata["ImpersonatedIdentity"],
        });
        throw new GrpcError(grpcCode.unauthenticated, "nobody may ask for certificates of others here");
      }
      if (lifetimeMs > limits.longest) {
        metrics.failed("TTL_ERROR");
        const wanted = `${lifetimeMs / 1000} s`;
        throw new GrpcError(
          grpcCode.invalidArgument,
          `validity_duration: ${wanted} is more than ${limits.longest / 1000} s (MAX_WORKLOAD_CERT_TTL of istiod)`,
        );
      }
      const request = read(csr);
      const { chain, root } = options.external
        ? await signElsewhere(options.external, csr, request, lifetimeMs, metadata)
        : signHere(request, lifetimeMs);
      options.onIssued(lifetimeMs);
      return [...chain, ...options.trustAnchors().filter((pem) => pem !== root), root];
    }

    function signHere({ publicKey }: CertificateRequest, lifetimeMs: number) {
      const signer = options.signer();
      if (signer.endsAt <= Date.now()) {
        metrics.failed("CA_NOT_READY");
        log.error("can't sign: a certificate of the authority ended", { ended: new Date(signer.endsAt).toISOString() });
        throw new GrpcError(grpcCode.unavailable, "the certificate authority's own certificate ended");
      }
      const chain = issue(signer, { publicKey, names: [{ uri: uri ?? "" }], lifetimeMs, now: new Date() });
      return { chain: pemBlocks(chain, "CERTIFICATE"), root: signer.anchorPem };
    }

    async function signElsewhere(
      signer: KubernetesSigner,
      csr: string,
      request: CertificateRequest,
      lifetimeMs: number,
      { CertSigner }: Readonly<Record<string, unknown>>,
    ) {
      try {
        const certSigner = typeof CertSigner === "string" ? CertSigner : "";
        const signed = await signer.sign({ csr, request, uri: uri ?? "", lifetimeMs, certSigner });
        options.onRoot(signed.root);
        return signed;
      } catch (cause) {
        metrics.failed("CERT_GEN_ERROR");
        log.error("a certificate wasn't signed", { identity: uri, error: cause });
        throw new GrpcError(grpcCode.unavailable, (cause as Error).message, { cause });
      }
    }

    function read(csr: string): CertificateRequest {
      try {
        const request = readRequest(csr);
        const others = request.names.filter((name) => name !== `URI:${uri}`);
        // Istio: the identity is the caller's, whatever the request says.
        if (others.length > 0)
          log.warn("a certificate request asks for other names than the caller's; it gets only its own", {
            caller: uri,
            wanted: others.slice(0, 10).map((name) => name.slice(0, 200)),
          });
        return request;
      } catch (cause) {
        metrics.unreadable();
        metrics.failed("CSR_ERROR");
        log.warn("a certificate request was refused", { caller: uri, error: (cause as Error).message });
        throw new GrpcError(grpcCode.invalidArgument, (cause as Error).message, { cause });
      }
    }

    return {
      async onMessage(message) {
        if (isAnswered) return;
        isAnswered = true;
        const certificates = await certify(message);
        metrics.issued();
        log.info("certificate issued", { identity: uri });
        const answer = new WireWriter();
        for (const pem of certificates) answer.string(1, pem);
        call.send(answer.pieces());
        call.end(grpcCode.ok);
      },
      onHalfClose() {},
      onDrain() {},
      onClose() {},
    };
  };
}

interface Request {
  readonly csr: string;
  readonly lifetimeMs: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** `IstioCertificateRequest`: csr = 1, validity_duration (int64, s) = 3, metadata (Struct) = 4. */
function decodeRequest(message: Uint8Array, usualMs: number): Request {
  const reader = new WireReader(message);
  let csr = "";
  let seconds = 0;
  let metadata: Readonly<Record<string, unknown>> = {};
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) csr = reader.string();
    else if (tag.field === 3) seconds = reader.varint();
    else if (tag.field === 4) metadata = decodeStruct(reader.bytes());
    else reader.skip(tag.type);
  }
  // Istio: none, or a negative one, is the usual one.
  const isGiven = seconds > 0 && seconds < 2 ** 63;
  return { csr, lifetimeMs: isGiven ? seconds * 1000 : usualMs, metadata };
}
