import { isIP } from "node:net";
import type { ServiceEntryPort, ServiceEntrySpec } from "#api/istio/service-entry.ts";
import { isWildcard } from "#model/host.ts";
import { isSubnet } from "#model/ip.ts";
import { isHttp, isTls, type Protocol, parseProtocol } from "#model/protocol.ts";
import { checkExportTo, checkPortName, checkProtocol, isDnsName, isHostPattern } from "./host-rules.ts";
import { checkPort } from "./http-route-rules.ts";
import type { Report } from "./report.ts";
import { checkWorkload } from "./workload-entry-rules.ts";
import { checkWorkloadSelector } from "./workload-selector-rules.ts";

/** Istio: ValidateServiceEntry. */
export function checkServiceEntry(
  spec: ServiceEntrySpec,
  report: Report,
  { namespace }: { readonly namespace: string },
): void {
  const { hosts = [], addresses = [], ports = [], endpoints = [], resolution = "NONE", workloadSelector } = spec;
  checkWorkloadSelector(workloadSelector, "spec.workloadSelector", "all workloads of the namespace", report);
  if (workloadSelector && spec.endpoints) {
    report.error("spec.endpoints", "doesn't go with workloadSelector: remove one of them");
  }
  checkHosts(hosts, report);
  checkAddresses(addresses, resolution, report);
  checkPorts(ports, report);
  if (addresses.length === 0 && (resolution === "NONE" || hosts.some(isWildcard))) warnOfPlainPorts(ports, report);
  checkResolution(spec, report);
  const portNames = new Set(ports.map(({ name }) => name));
  if (resolution !== "NONE") {
    endpoints.forEach((endpoint, index) => {
      const setting = { portNames, dns: resolution !== "STATIC" };
      checkWorkload(endpoint, `spec.endpoints[${index}]`, setting, report);
    });
  }
  checkSharedPorts(spec, report);
  checkExportTo(spec.exportTo, namespace, "spec.exportTo", report, { nobody: true });
}

function checkHosts(hosts: readonly string[], report: Report): void {
  if (hosts.length === 0) report.error("spec.hosts", "must not be empty");
  hosts.forEach((host, index) => {
    const field = `spec.hosts[${index}]`;
    if (host === "*") report.error(field, "must not be every host: name one, or a pattern like *.example.com", host);
    else if (!isHostPattern(host)) report.error(field, "must be a DNS name or a pattern like *.example.com", host);
    else if (isWildcard(host) && host[1] !== ".") {
      report.warning(field, "is a pattern for a part of a label, which TLS can't match: use *. and a domain", host);
    }
  });
}

function checkAddresses(addresses: readonly string[], resolution: string, report: Report): void {
  addresses.forEach((address, index) => {
    const field = `spec.addresses[${index}]`;
    if (!isSubnet(address)) report.error(field, "must be an IP address or a CIDR range", address);
    else if (address.includes("/") && resolution !== "NONE" && resolution !== "STATIC") {
      report.error(field, `can't be a range with resolution ${resolution}: only with NONE and STATIC`, address);
    }
  });
}

function checkPorts(ports: readonly ServiceEntryPort[], report: Report): void {
  const names = new Set<string>();
  const numbers = new Set<number>();
  ports.forEach((port, index) => {
    const field = `spec.ports[${index}]`;
    checkPortName(port.name, `${field}.name`, report);
    if (names.has(port.name)) report.error(`${field}.name`, "is there twice", port.name);
    names.add(port.name);
    checkPort(port.number, `${field}.number`, report);
    if (numbers.has(port.number)) report.error(`${field}.number`, "is there twice", port.number);
    numbers.add(port.number);
    if (port.targetPort) checkPort(port.targetPort, `${field}.targetPort`, report);
    checkProtocol(port.protocol, `${field}.protocol`, report);
  });
}

/** Without an address of its own plain TCP can't be told from that of others. */
function warnOfPlainPorts(ports: readonly ServiceEntryPort[], report: Report): void {
  ports.forEach(({ protocol = "" }, index) => {
    if (protocol === "" || protocol === "TCP") {
      const message = "is TCP (or unset), which needs spec.addresses where none can be allocated";
      report.warning(`spec.ports[${index}].protocol`, message, protocol);
    }
  });
}

function checkResolution(spec: ServiceEntrySpec, report: Report): void {
  const { hosts = [], ports = [], endpoints = [], resolution = "NONE" } = spec;
  if (resolution === "NONE") {
    if (endpoints.length > 0) report.error("spec.endpoints", "must be empty with resolution NONE");
    if (spec.workloadSelector) report.warning("spec.workloadSelector", "isn't used with resolution NONE");
  }
  if ((resolution === "DNS" || resolution === "DNS_ROUND_ROBIN") && endpoints.length === 0) {
    hosts.forEach((host, index) => {
      if (!isDnsName(host) && isHostPattern(host)) {
        report.error(`spec.hosts[${index}]`, `must be a name that resolves, or there must be endpoints`, host);
      }
    });
  }
  if (resolution === "DNS_ROUND_ROBIN" && endpoints.length > 1) {
    report.error("spec.endpoints", "must have at most one item with resolution DNS_ROUND_ROBIN");
  }
  if (resolution !== "DYNAMIC_DNS") return;
  hosts.forEach((host, index) => {
    if (!isWildcard(host)) {
      report.error(`spec.hosts[${index}]`, "must be a pattern with resolution DYNAMIC_DNS: use DNS for a name", host);
    }
  });
  ports.forEach(({ protocol = "" }, index) => {
    const parsed = parseProtocol(protocol);
    if (!isHttp(parsed) && !isTls(parsed)) {
      report.error(`spec.ports[${index}].protocol`, "must be HTTP, HTTPS or TLS with resolution DYNAMIC_DNS", protocol);
    }
  });
  if (spec.addresses?.length) report.error("spec.addresses", "must be empty with resolution DYNAMIC_DNS");
  if (endpoints.length > 0) report.error("spec.endpoints", "must be empty with resolution DYNAMIC_DNS");
  if (spec.workloadSelector) report.error("spec.workloadSelector", "doesn't go with resolution DYNAMIC_DNS");
  if (spec.location === "MESH_INTERNAL") report.error("spec.location", "must be MESH_EXTERNAL with DYNAMIC_DNS");
}

/** HTTP has the Host header and TLS has SNI; of anything else on one port several hosts can't be told apart. */
function checkSharedPorts({ hosts = [], ports = [], ...spec }: ServiceEntrySpec, report: Report): void {
  if (hosts.length < 2 || (spec.resolution ?? "NONE") === "NONE") return;
  const protocols = ports.map(({ protocol = "" }): Protocol => parseProtocol(protocol));
  const plain = protocols.findIndex((protocol) => !isHttp(protocol) && !isTls(protocol));
  if (plain >= 0) report.error(`spec.ports[${plain}].protocol`, "must be HTTP or TLS where there are several hosts");
  const resolved = spec.resolution === "DNS" || spec.resolution === "DNS_ROUND_ROBIN";
  if (resolved && spec.addresses?.some((address) => isIP(address) !== 0) && protocols.some((one) => !isHttp(one))) {
    report.warning("spec.hosts", "has several hosts behind one address on a port that isn't HTTP");
  }
}
