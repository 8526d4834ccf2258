import type { PolicySelector } from "#api/istio/policy-attachment.ts";
import type { WorkloadSelector } from "#api/istio/workload-selector.ts";
import type { Labels } from "#model/labels.ts";
import type { Report } from "./report.ts";

/** Istio: ValidateAlphaWorkloadSelector. `whom` is what a selector without labels takes in. */
export function checkWorkloadSelector(
  selector: WorkloadSelector | undefined,
  field: string,
  whom: string,
  report: Report,
): void {
  if (selector === undefined) return;
  checkLabels(selector.labels, field, "labels", whom, report);
}

/** The same of a policy's selector. Istio: validateWorkloadSelector. */
export function checkPolicySelector(
  selector: PolicySelector | undefined,
  field: string,
  whom: string,
  report: Report,
): void {
  if (selector === undefined) return;
  checkLabels(selector.matchLabels, field, "matchLabels", whom, report);
}

function checkLabels(labels: Labels = {}, field: string, key: string, whom: string, report: Report): void {
  const entries = Object.entries(labels);
  if (entries.length === 0) report.warning(field, `without labels takes in ${whom}`);
  for (const [name, value] of entries) {
    const at = `${field}.${key}[${JSON.stringify(name)}]`;
    if (name === "") report.error(at, "must not have an empty name");
    if (name.includes("*") || value.includes("*")) report.error(at, "must not have a wildcard", value);
  }
}
