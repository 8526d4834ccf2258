/** The `Status` object that an API server answers instead of a success. */
export interface KubeStatus {
  readonly status?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
  readonly details?: {
    readonly name?: string;
    readonly kind?: string;
    readonly causes?: readonly { readonly field?: string; readonly reason?: string; readonly message?: string }[];
  };
}

/** An answer of the API server that isn't a success; `code` 0 means that no answer came. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly code: number;
  /** Kubernetes' machine-readable reason: `NotFound`, `Conflict`, `AlreadyExists`, `Expired`, `Invalid` … */
  readonly reason: string;
  readonly status: KubeStatus;

  constructor(status: KubeStatus, options?: ErrorOptions) {
    super(status.message ?? `the API server answered ${status.code ?? "nothing"}`, options);
    this.code = status.code ?? 0;
    this.reason = status.reason ?? "Unknown";
    this.status = status;
  }
}

/** True when `error` is the API server's answer with this reason, for example `NotFound`. */
export function isKubeError(error: unknown, reason: string): error is KubeError {
  return error instanceof KubeError && error.reason === reason;
}
