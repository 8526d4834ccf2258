import type { Verdict } from "./field-error.ts";
import type { JsonSchema } from "./schema/json-schema.ts";

interface KindVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
}

/** A column of `kubectl get`, as a CRD has it. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "date" | "integer";
  readonly jsonPath: string;
  readonly description: string;
}

/** One custom resource: what a CRD, the validating webhook and the snapshot need to know of it. */
export interface IstioKind {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly group: string;
  /** All versions share one schema; the conversion strategy is `None`. */
  readonly versions: readonly KindVersion[];
  readonly scope: "Namespaced" | "Cluster";
  readonly printerColumns: readonly PrinterColumn[];
  /** Structural schema of the whole object (`spec` and `status`), for `openAPIV3Schema`. */
  readonly schema: JsonSchema;
  /** The whole verdict on one object: schema first, then the rules a schema can't say. Null fields count as absent. */
  readonly validate: (object: unknown) => Verdict;
}

export const ageColumn: PrinterColumn = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
  description: "Time since the resource was created.",
};
