import type { FieldError, Verdict } from "./field-error.ts";

/** Collects what the rules of a kind find. */
export interface Report {
  error(field: string, message: string, value?: unknown): void;
  warning(field: string, message: string, value?: unknown): void;
  /** Warns of a whole rule of a VirtualService that no request reaches. */
  unreachableRule(field: string, message: string): void;
  /** Warns of one match of a rule that does nothing. */
  unusedMatch(field: string, message: string): void;
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
    unreachableRule: (field, message) => warnings.push({ field, message, about: "unreachable rule" }),
    unusedMatch: (field, message) => warnings.push({ field, message, about: "unused match" }),
    verdict: { errors, warnings },
  };
}
