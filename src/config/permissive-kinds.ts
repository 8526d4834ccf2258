import type { Verdict } from "./field-error.ts";
import { ageColumn, type IstioKind, type PrinterColumn } from "./kind.ts";
import { open, resource } from "./schema/build.ts";

const accept = (): Verdict => ({ errors: [], warnings: [] });

function kind(
  kind: string,
  plural: string,
  group: string,
  versions: readonly string[],
  about: string,
  shortNames: readonly string[] = [],
  printerColumns: readonly PrinterColumn[] = [],
): IstioKind {
  return {
    kind,
    plural,
    singular: kind.toLowerCase(),
    shortNames,
    group,
    versions: versions.map((name, index) => ({ name, served: true, storage: index === 0 })),
    scope: "Namespaced",
    printerColumns,
    schema: resource(open(about)),
    validate: accept,
  };
}

/** Kinds that are stored and served as they are: nothing reads their fields yet. The first version is the stored one. */
export const permissiveKinds: readonly IstioKind[] = [
  kind(
    "Telemetry",
    "telemetries",
    "telemetry.istio.io",
    ["v1alpha1", "v1"],
    "Metrics, traces, access logs.",
    ["telemetry"],
    [ageColumn],
  ),
  kind("WasmPlugin", "wasmplugins", "extensions.istio.io", ["v1alpha1"], "A WebAssembly extension.", [], [ageColumn]),
];
