import { type Authority, issue } from "#ca/certificate.ts";
import type { WorkloadIdentity } from "#ca/token-review.ts";
import type { Log } from "#log/log.ts";
import { pemBlocks } from "#x509/pem.ts";
import { type CertificateRequest, readRequest } from "#x509/request.ts";
import type { GrpcCall, GrpcMethod } from "#xds/grpc-call.ts";
import { GrpcError, grpcCode } from "#xds/grpc-status.ts";
import { WireReader, WireWriter } from "#xds/protobuf-wire.ts";

export const createCertificatePath = "/istio.v1.auth.IstioCertificateService/CreateCertificate";

/** Istio: a workload's certificate lives for a day unless it asks for less, and at most 90 days. */
const defaultLifetimeMs = 24 * 3_600_000;
const longestLifetimeMs = 90 * 24 * 3_600_000;

/** Signs the certificate requests of workloads; the identity is the caller's, whatever the request says. */
export function certificateMethod(options: {
  readonly authority: Authority;
  readonly trustDomain: () => string;
  readonly identify: (call: GrpcCall) => Promise<WorkloadIdentity>;
  readonly log: Log;
}): GrpcMethod {
  const { authority, trustDomain, identify, log } = options;
  return async (call) => {
    const identity = await identify(call);
    return {
      onMessage(message) {
        const { csr, seconds } = decodeRequest(message);
        const { namespace, serviceAccount } = identity;
        const uri = `spiffe://${trustDomain()}/ns/${namespace}/sa/${serviceAccount}`;
        let request: CertificateRequest;
        try {
          request = readRequest(csr);
        } catch (cause) {
          throw new GrpcError(grpcCode.invalidArgument, (cause as Error).message, { cause });
        }
        const lifetimeMs = Math.min(seconds > 0 ? seconds * 1000 : defaultLifetimeMs, longestLifetimeMs);
        const refused = request.names.filter((name) => name !== `URI:${uri}`);
        // Istio: the identity is the caller's, whatever the request says.
        if (refused.length > 0) log.warn("a certificate request asked for other names", { identity: uri, refused });
        const chain = issue(authority, {
          publicKey: request.publicKey,
          names: [{ uri }],
          lifetimeMs,
          now: new Date(),
        });
        log.info("certificate issued", { identity: uri, hours: Math.round(lifetimeMs / 3_600_000) });
        const answer = new WireWriter();
        for (const pem of [...pemBlocks(chain, "CERTIFICATE"), authority.rootPem]) answer.string(1, pem);
        call.send(answer.pieces());
        call.end(grpcCode.ok);
      },
      onHalfClose() {},
      onDrain() {},
      onClose() {},
    };
  };
}

/** `IstioCertificateRequest`: csr = 1, validity_duration (s) = 3. */
function decodeRequest(message: Uint8Array): { readonly csr: string; readonly seconds: number } {
  const reader = new WireReader(message);
  let csr = "";
  let seconds = 0;
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) csr = reader.string();
    else if (tag.field === 3) seconds = reader.varint();
    else reader.skip(tag.type);
  }
  return { csr, seconds };
}
