import type { ReadinessProbe, WorkloadGroupSpec } from "#api/istio/workload-group.ts";
import { isPortName } from "./host-rules.ts";
import { checkPort } from "./http-route-rules.ts";
import { checkLabels } from "./label-rules.ts";
import type { Report } from "./report.ts";
import { checkUnixAddress, isUnixAddress } from "./workload-entry-rules.ts";

/** Istio: ValidateWorkloadGroup. The template's address may be missing: each entry brings its own. */
export function checkWorkloadGroup({ metadata, template, probe }: WorkloadGroupSpec, report: Report): void {
  checkLabels(metadata?.labels, "spec.metadata.labels", report);
  checkLabels(template?.labels, "spec.template.labels", report);
  if (template?.address !== undefined && isUnixAddress(template.address)) {
    checkUnixAddress(template.address, "spec.template.address", report);
    if (Object.keys(template.ports ?? {}).length > 0)
      report.error("spec.template.ports", "must not be set for a unix socket");
  }
  for (const name of Object.keys(template?.ports ?? {})) {
    if (!isPortName(name)) {
      report.error(`spec.template.ports[${JSON.stringify(name)}]`, "must be the name of a port", name);
    }
  }
  if (probe) checkProbe(probe, report);
}

/** Istio: validateReadinessProbe. */
function checkProbe({ httpGet, tcpSocket, exec, grpc }: ReadinessProbe, report: Report): void {
  const given = Object.entries({ httpGet, tcpSocket, exec, grpc }).filter(([, method]) => method !== undefined);
  if (given.length !== 1) {
    report.error("spec.probe", "needs one of httpGet, tcpSocket, exec and grpc");
  }
  if (httpGet) checkPort(httpGet.port ?? 0, "spec.probe.httpGet.port", report);
  if (tcpSocket) checkPort(tcpSocket.port ?? 0, "spec.probe.tcpSocket.port", report);
  if (grpc) checkPort(grpc.port ?? 0, "spec.probe.grpc.port", report);
  if (exec && !exec.command?.length) report.error("spec.probe.exec.command", "must not be empty");
}
