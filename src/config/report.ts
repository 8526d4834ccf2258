import type { FieldError, Verdict } from "./field-error.ts";

/** Collects what the rules of a kind find. */
export interface Report {
  error(field: string, message: string, value?: unknown): void;
  warning(field: string, message: string, value?: unknown): void;
  readonly verdict: Verdict;
}

export function newReport(): Report {
  const errors: FieldError[] = [];
  const warnings: FieldError[] = [];
  const item = (field: string, message: string, value: unknown): FieldError =>
    value === undefined ? { field, message } : { field, message, value };
  return {
    error: (field, message, value) => errors.push(item(field, message, value)),
    warning: (field, message, value) => warnings.push(item(field, message, value)),
    verdict: { errors, warnings },
  };
}
