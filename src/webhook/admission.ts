/** The part of admission.k8s.io/v1 that the webhooks read and write. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly namespace?: string;
  readonly name?: string;
  readonly operation: string;
  readonly dryRun?: boolean;
  readonly object?: unknown;
}

/** What a webhook thinks of a request. */
export interface AdmissionAnswer {
  readonly allowed: boolean;
  /** Why not, for whoever typed the command. */
  readonly message?: string;
  readonly warnings?: readonly string[];
  /** RFC 6902 operations. */
  readonly patch?: readonly object[];
}

/** Parses an AdmissionReview; a string says what is wrong with it. */
export function readReview(text: string): AdmissionRequest | string {
  let review: unknown;
  try {
    review = JSON.parse(text);
  } catch {
    return "the body isn't JSON";
  }
  if (typeof review !== "object" || review === null) return "the body isn't an AdmissionReview";
  const { apiVersion, kind, request } = review as {
    readonly apiVersion?: unknown;
    readonly kind?: unknown;
    readonly request?: unknown;
  };
  if (kind !== "AdmissionReview" || apiVersion !== "admission.k8s.io/v1")
    return "the body isn't an AdmissionReview of admission.k8s.io/v1";
  if (typeof request !== "object" || request === null || !("uid" in request) || typeof request.uid !== "string")
    return "the AdmissionReview has no request with a uid";
  return request as AdmissionRequest;
}

/** The review to answer with. Kubernetes shows at most 4096 characters of warnings. */
export function writeReview(uid: string, answer: AdmissionAnswer): object {
  const { allowed, message, warnings = [], patch = [] } = answer;
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    response: {
      uid,
      allowed,
      ...(message ? { status: { message } } : {}),
      ...(warnings.length > 0 ? { warnings: warnings.slice(0, 20).map((text) => text.slice(0, 200)) } : {}),
      ...(patch.length > 0
        ? { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64") }
        : {}),
    },
  };
}
