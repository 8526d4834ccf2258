/** What is wrong with one field. `field` is a JSON path without the leading dot, such as `spec.http[0].timeout`. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
  /** The offending value, where there is one that helps. */
  readonly value?: unknown;
  /** Set for the findings that `istioctl analyze` has codes of their own for. */
  readonly about?: "unreachable rule" | "unused match";
}

/** `errors` make a resource unusable; `warnings` are told to its author. */
export interface Verdict {
  readonly errors: readonly FieldError[];
  readonly warnings: readonly FieldError[];
}

/** `spec.http[0].timeout: "5": is not a duration`. */
export function formatFieldError(error: FieldError): string {
  return `${error.field}: ${formatComplaint(error)}`;
}

/** The same without the field. */
export function formatComplaint({ message, value }: FieldError): string {
  return value === undefined ? message : `${JSON.stringify(value).slice(0, 120)}: ${message}`;
}
