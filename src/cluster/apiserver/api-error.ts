/** One thing wrong with one field, in the words of Kubernetes' field errors (k8s.io/apimachinery `field.Error`). */
export interface FieldError {
  readonly reason:
    | "FieldValueRequired"
    | "FieldValueInvalid"
    | "FieldValueNotSupported"
    | "FieldValueDuplicate"
    | "FieldValueForbidden"
    | "FieldValueNotFound"
    | "FieldValueTooLong"
    | "FieldValueTypeInvalid"
    | "FieldValueTooMany";
  readonly field: string;
  readonly message: string;
}

export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: object;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[];
  readonly retryAfterSeconds?: number;
}

/** What a handler throws to answer something else than a success. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: Status;
  constructor(code: number, reason: string, message: string, details?: StatusDetails, options?: ErrorOptions) {
    super(message, options);
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      reason,
      ...(details ? { details } : {}),
      code,
    };
  }
}

/** `pods` or `deployments.apps`: how Kubernetes writes a resource in messages. */
function qualified(group: string, name: string): string {
  return group === "" ? name : `${name}.${group}`;
}

interface Named {
  readonly group: string;
  readonly plural: string;
}

const detailsOf = (resource: Named, name: string): StatusDetails => ({
  name,
  ...(resource.group ? { group: resource.group } : {}),
  kind: resource.plural,
});

export function badRequest(message: string, options?: ErrorOptions): ApiError {
  return new ApiError(400, "BadRequest", message, undefined, options);
}

export function notFound(resource: Named, name: string): ApiError {
  const message = `${qualified(resource.group, resource.plural)} "${name}" not found`;
  return new ApiError(404, "NotFound", message, detailsOf(resource, name));
}

/** The path itself is unknown, as opposed to an object on it. */
export function noSuchPath(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource", {});
}

export function methodNotAllowed(): ApiError {
  return new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

export function alreadyExists(resource: Named, name: string): ApiError {
  const message = `${qualified(resource.group, resource.plural)} "${name}" already exists`;
  return new ApiError(409, "AlreadyExists", message, detailsOf(resource, name));
}

export function conflict(resource: Named, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource.group, resource.plural)} "${name}": ${why}`;
  return new ApiError(409, "Conflict", message, detailsOf(resource, name));
}

export const modifiedMeanwhile =
  "the object has been modified; please apply your changes to the latest version and try again";

export function forbidden(resource: Named, name: string, why: string, causes?: StatusDetails["causes"]): ApiError {
  const subject =
    name === ""
      ? qualified(resource.group, resource.plural)
      : `${qualified(resource.group, resource.plural)} "${name}"`;
  return new ApiError(403, "Forbidden", `${subject} is forbidden: ${why}`, {
    ...detailsOf(resource, name),
    ...(causes ? { causes } : {}),
  });
}

export function invalid(group: string, kind: string, name: string, errors: readonly FieldError[]): ApiError {
  const parts = errors.map((error) => `${error.field}: ${error.message}`);
  const text = parts.length === 1 ? parts[0] : `[${parts.join(", ")}]`;
  return new ApiError(422, "Invalid", `${qualified(group, kind)} "${name}" is invalid: ${text}`, {
    name,
    ...(group ? { group } : {}),
    kind,
    causes: errors.map(({ reason, message, field }) => ({ reason, message, field })),
  });
}

export function expired(message: string): ApiError {
  return new ApiError(410, "Expired", message);
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? "null");
}

/** Constructors of field errors with Kubernetes' wording. */
export const fieldError = {
  required: (field: string, detail = ""): FieldError => ({
    reason: "FieldValueRequired",
    field,
    message: detail ? `Required value: ${detail}` : "Required value",
  }),
  invalid: (field: string, value: unknown, detail: string): FieldError => ({
    reason: "FieldValueInvalid",
    field,
    message: `Invalid value: ${show(value)}: ${detail}`,
  }),
  unsupported: (field: string, value: unknown, supported: readonly string[]): FieldError => ({
    reason: "FieldValueNotSupported",
    field,
    message: `Unsupported value: ${show(value)}: supported values: ${[...supported].sort().map(show).join(", ")}`,
  }),
  duplicate: (field: string, value: unknown): FieldError => ({
    reason: "FieldValueDuplicate",
    field,
    message: `Duplicate value: ${show(value)}`,
  }),
  forbidden: (field: string, detail: string): FieldError => ({
    reason: "FieldValueForbidden",
    field,
    message: `Forbidden: ${detail}`,
  }),
  notFound: (field: string, value: unknown): FieldError => ({
    reason: "FieldValueNotFound",
    field,
    message: `Not found: ${show(value)}`,
  }),
} as const;
