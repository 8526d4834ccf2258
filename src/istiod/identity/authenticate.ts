import type { TokenReviewer, WorkloadIdentity } from "#ca/token-review.ts";
import type { Log } from "#log/log.ts";
import { type Identity, parseIdentity } from "#model/spiffe.ts";
import type { GrpcCall } from "#xds/grpc-call.ts";
import { GrpcError, grpcCode } from "#xds/grpc-status.ts";

export interface AuthenticationOptions {
  readonly reviewer: TokenReviewer;
  readonly trustDomain: () => string;
  /** Other names of the trust domain. */
  readonly trustDomainAliases: () => readonly string[];
  readonly log: Log;
}

/**
 * Who calls: by the bearer token, or, without one, by the certificate of the mesh that it brought to the TLS handshake (a virtual
 * machine that renews, for example). Rejects with a GrpcError that says what to do. Istio: KubeJWTAuthenticator,
 * ClientCertAuthenticator.
 */
export function createIdentify(options: AuthenticationOptions): (call: GrpcCall) => Promise<Identity> {
  const { reviewer, trustDomain, trustDomainAliases, log } = options;

  function refuse(call: GrpcCall, error: string): never {
    log.warn("call refused", { peer: call.peer, path: call.path, error });
    throw new GrpcError(grpcCode.unauthenticated, error);
  }

  return async (call) => {
    const header = call.headers["authorization"];
    const token = typeof header === "string" ? /^Bearer (\S+)$/i.exec(header)?.[1] : undefined;
    if (!token) {
      const identity = byCertificate(call, [trustDomain(), ...trustDomainAliases()]);
      if (identity === undefined) refuse(call, "no bearer token: send the service account's token for istio-ca");
      return typeof identity === "string" ? refuse(call, identity) : { ...identity, trustDomain: trustDomain() };
    }
    let answer: WorkloadIdentity | string;
    try {
      answer = await reviewer.review(token);
    } catch (cause) {
      log.warn("can't review a token", { peer: call.peer, error: cause });
      throw new GrpcError(grpcCode.unavailable, "istiod can't reach the API server to check the token; try again", {
        cause,
      });
    }
    return typeof answer === "string" ? refuse(call, answer) : { ...answer, trustDomain: trustDomain() };
  };
}

/** What the certificate says, in words why it isn't believed, or undefined without one. */
function byCertificate(call: GrpcCall, trustDomains: readonly string[]): Identity | string | undefined {
  const peer = call.peerCertificate();
  if (peer === undefined) return undefined;
  if ("problem" in peer) return `the client's certificate isn't believed: ${peer.problem}`;
  const names = peer.names.split(", ");
  const [name = ""] = names;
  const identity = name.startsWith("URI:") ? parseIdentity(name.slice(4)) : undefined;
  if (identity === undefined || names.length !== 1 || identity.namespace === "" || identity.serviceAccount === "")
    return "the client's certificate names no workload";
  return trustDomains.includes(identity.trustDomain)
    ? identity
    : `the client's certificate is from the trust domain ${identity.trustDomain}`;
}
