import assert from "node:assert/strict";
import { formatFieldError } from "#config/field-error.ts";
import { kindNamed } from "#config/kinds.ts";
import { permissiveKinds } from "#config/permissive-kinds.ts";
import type { Piece, Wrapped } from "./wrap.ts";

/** What a case says of its input; an absent field isn't compared. */
export interface Wanted {
  readonly valid: boolean;
  readonly warning?: boolean;
}

/** The forms in which the tables have a verdict. */
export function wantedOf(one: Piece): Wanted {
  const warning = one["warning"] ?? one["warn"];
  const told =
    warning === undefined ? {} : { warning: warning === true || (typeof warning === "string" && warning !== "") };
  if (typeof one["valid"] === "boolean") return { valid: one["valid"], ...told };
  if (typeof one["wantErr"] === "boolean") return { valid: !one["wantErr"] };
  const error = one["out"] ?? one["err"];
  if (typeof error === "string") return { valid: error === "", ...told };
  return { valid: one["expected"] === undefined || one["expected"] === null };
}

/** Why the kind can't be judged yet, if so. */
export function unjudged(kind: string): string | undefined {
  if (kindNamed(kind) === undefined) return `${kind} isn't served`;
  return permissiveKinds.some((open) => open.kind === kind) ? `${kind} has no rules yet` : undefined;
}

/** Fails unless the verdict on the resource is the one that is wanted. */
export function judge({ kind, spec, metadata = {} }: Wrapped, wanted: Wanted): void {
  const verdict = kindNamed(kind)?.validate({ metadata: { name: "a", namespace: "default", ...metadata }, spec });
  const errors = (verdict?.errors ?? []).map(formatFieldError);
  const warnings = (verdict?.warnings ?? []).map(formatFieldError);
  assert.equal(errors.length === 0, wanted.valid, `errors: ${errors.join("; ") || "none"}`);
  if (wanted.warning !== undefined && wanted.valid) {
    assert.equal(warnings.length > 0, wanted.warning, `warnings: ${warnings.join("; ") || "none"}`);
  }
}
