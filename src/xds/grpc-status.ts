/** The status codes of gRPC that istiod answers with. */
export const grpcCode = {
  ok: 0,
  invalidArgument: 3,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** Ends a call with this status; the message reaches the client. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly code: number;
  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
