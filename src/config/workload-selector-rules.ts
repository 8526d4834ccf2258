import type { WorkloadSelector } from "#api/istio/workload-selector.ts";
import type { Report } from "./report.ts";

/** Istio: ValidateAlphaWorkloadSelector. `whom` is what a selector without labels takes in. */
export function checkWorkloadSelector(
  selector: WorkloadSelector | undefined,
  field: string,
  whom: string,
  report: Report,
): void {
  if (selector === undefined) return;
  const labels = Object.entries(selector.labels ?? {});
  if (labels.length === 0) report.warning(field, `without labels takes in ${whom}`);
  for (const [key, value] of labels) {
    const at = `${field}.labels[${JSON.stringify(key)}]`;
    if (key === "") report.error(at, "must not have an empty name");
    if (key.includes("*") || value.includes("*")) report.error(at, "must not have a wildcard", value);
  }
}
