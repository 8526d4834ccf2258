import { isIP } from "node:net";
import type { WorkloadEntrySpec } from "#api/istio/workload-entry.ts";
import { isDnsName, isPortName } from "./host-rules.ts";
import { checkLabels } from "./label-rules.ts";
import type { Report } from "./report.ts";

const unixPrefix = "unix://";

/** Istio: ValidateUnixAddress: an absolute path, or an abstract name after `@`. */
export function checkUnixAddress(address: string, field: string, report: Report): void {
  const path = address.slice(unixPrefix.length);
  if (!path.startsWith("/") && !path.startsWith("@")) {
    report.error(field, "must have an absolute path, or @ and an abstract name, after unix://", address);
  } else if (path.endsWith("/")) report.error(field, "must be a socket, not a directory", address);
}

export function isUnixAddress(address: string | undefined): boolean {
  return address?.startsWith(unixPrefix) ?? false;
}

/** What a WorkloadEntry has to fit to: the ServiceEntry it is in. */
export interface EndpointSetting {
  readonly portNames: ReadonlySet<string>;
  /** Whether a DNS name may be its address. */
  readonly dns: boolean;
}

/** Istio: validateWorkloadEntry. */
export function checkWorkload(
  workload: WorkloadEntrySpec,
  field: string,
  setting: EndpointSetting | undefined,
  report: Report,
): void {
  const { address = "", ports = {}, network } = workload;
  const at = `${field}.address`;
  if (address === "") {
    if (!network) return report.error(at, "is required");
    report.warning(at, "is empty: the workload is only reached by way of its network's gateway");
  } else if (isUnixAddress(address)) {
    checkUnixAddress(address, at, report);
    if (setting?.dns) report.error(at, "must not be a socket with this resolution", address);
    if (Object.keys(ports).length > 0) report.error(`${field}.ports`, "must not be set for a unix socket");
    if (setting && setting.portNames.size !== 1) report.error(at, "needs a service with exactly one port", address);
  } else if (isIP(address) === 0) {
    if (setting && !setting.dns) report.error(at, "must be an IP address with resolution STATIC", address);
    else if (!isDnsName(address)) report.error(at, "must be an IP address or a DNS name", address);
  }
  for (const name of Object.keys(ports)) {
    const port = `${field}.ports[${JSON.stringify(name)}]`;
    if (!isPortName(name)) report.error(port, "must be the name of a port", name);
    else if (setting && !setting.portNames.has(name)) report.error(port, "is no port of this ServiceEntry", name);
  }
  checkLabels(workload.labels, `${field}.labels`, report);
}

/** Istio: ValidateWorkloadEntry. */
export function checkWorkloadEntry(spec: WorkloadEntrySpec, report: Report): void {
  checkWorkload(spec, "spec", undefined, report);
}
