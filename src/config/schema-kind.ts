import type { FieldError, Verdict } from "./field-error.ts";
import type { IstioKind } from "./kind.ts";
import { newReport, type Report } from "./report.ts";
import { checkSchema } from "./schema/check.ts";
import { withoutNulls } from "./without-nulls.ts";

interface Identity {
  readonly name: string;
  readonly namespace: string;
  readonly annotations: Readonly<Record<string, unknown>>;
}

interface Metadata {
  readonly name?: unknown;
  readonly namespace?: unknown;
  readonly annotations?: Readonly<Record<string, unknown>> | null;
}

/** A kind whose objects are checked: first against its schema, and if that holds, by `rules`. */
export function schemaKind<Spec>(
  kind: Omit<IstioKind, "validate">,
  rules: (spec: Spec, report: Report, identity: Identity) => void,
): IstioKind {
  const spec = kind.schema.properties?.["spec"] ?? {};
  return { ...kind, validate: (object) => validate(object) };

  function validate(object: unknown): Verdict {
    if (typeof object !== "object" || object === null) return refused({ field: "", message: "must be an object" });
    const { spec: given, metadata } = object as { spec?: unknown; metadata?: Metadata };
    if (given === undefined || given === null) return refused({ field: "spec", message: "is required" });
    const errors = checkSchema(spec, given, "spec");
    if (errors.length > 0) return { errors, warnings: [] };
    const report = newReport();
    rules(withoutNulls(given) as Spec, report, {
      name: text(metadata?.name),
      namespace: text(metadata?.namespace),
      annotations: metadata?.annotations ?? {},
    });
    return report.verdict;
  }
}

function refused(error: FieldError): Verdict {
  return { errors: [error], warnings: [] };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
