import type { Report } from "./report.ts";

const name = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const prefix = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Kubernetes: a name of at most 63 characters, after a DNS name and a slash or without. */
function isLabelKey(key: string): boolean {
  const slash = key.indexOf("/");
  const own = key.slice(slash + 1);
  if (slash >= 0 && (slash > 253 || !prefix.test(key.slice(0, slash)))) return false;
  return own.length <= 63 && name.test(own);
}

/** Labels that something is selected by. Istio: labels.Instance.Validate. */
export function checkLabels(labels: Readonly<Record<string, string>> | undefined, field: string, report: Report): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    if (!isLabelKey(key)) report.error(`${field}[${JSON.stringify(key)}]`, "is not the key of a label", key);
    if (value !== "" && (value.length > 63 || !name.test(value))) {
      report.error(`${field}[${JSON.stringify(key)}]`, "is not the value of a label", value);
    }
  }
}
