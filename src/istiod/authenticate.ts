import type { TokenReviewer, WorkloadIdentity } from "#ca/token-review.ts";
import type { Log } from "#log/log.ts";
import type { GrpcCall } from "#xds/grpc-call.ts";
import { GrpcError, grpcCode } from "#xds/grpc-status.ts";

/** Who calls, by the bearer token. Rejects with a GrpcError that says what to do. */
export function createIdentify(reviewer: TokenReviewer, log: Log): (call: GrpcCall) => Promise<WorkloadIdentity> {
  return async (call) => {
    const header = call.headers["authorization"];
    const token = typeof header === "string" ? /^Bearer (\S+)$/i.exec(header)?.[1] : undefined;
    if (!token)
      throw new GrpcError(grpcCode.unauthenticated, "no bearer token: send the service account's token for istio-ca");
    let answer: WorkloadIdentity | string;
    try {
      answer = await reviewer.review(token);
    } catch (cause) {
      log.warn("can't review a token", { peer: call.peer, error: cause });
      throw new GrpcError(grpcCode.unavailable, "istiod can't reach the API server to check the token; try again", {
        cause,
      });
    }
    if (typeof answer === "string") {
      log.warn("call refused", { peer: call.peer, error: answer });
      throw new GrpcError(grpcCode.unauthenticated, answer);
    }
    return answer;
  };
}
