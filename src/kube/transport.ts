/**
 * The seam between a Kubernetes client and whatever answers it: HTTPS to a real API server,
 * or a function call into Weft's own one. Plain data in, plain data out.
 */
export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute path without query, for example `/api/v1/namespaces/default/pods`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface KubeResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Chunks as they arrive. A watch never ends by itself before its timeout. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Rejects only when no answer came (connection refused, aborted); an HTTP error is a response. */
export type KubeTransport = (request: KubeRequest) => Promise<KubeResponse>;
