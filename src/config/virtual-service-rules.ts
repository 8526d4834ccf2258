import { BlockList, isIP } from "node:net";
import type { L4MatchAttributes, TLSMatchAttributes, VirtualServiceSpec } from "#api/istio/virtual-service.ts";
import { isSubsetOf } from "#model/host.ts";
import { checkExportTo, checkHost, isDnsLabel, isDnsName, isHostPattern } from "./host-rules.ts";
import { checkHttpRoute, checkPort, checkRoutes } from "./http-route-rules.ts";
import { checkLabels } from "./label-rules.ts";
import type { Report } from "./report.ts";
import { checkUnreachable } from "./unreachable-routes.ts";

/** Istio: ValidateVirtualService. */
export function checkVirtualService(
  spec: VirtualServiceSpec,
  report: Report,
  { namespace }: { readonly namespace: string },
): void {
  const hosts = spec.hosts ?? [];
  const gateways = spec.gateways ?? [];
  const delegate = hosts.length === 0;
  const inMesh = gateways.length === 0 || gateways.includes("mesh");
  if (delegate) {
    if (gateways.length > 0) report.error("spec.gateways", "must not be in a VirtualService that has no hosts");
    if (spec.tls?.length || spec.tcp?.length) report.error("spec", "without hosts can only have http routes");
  }
  checkHosts(hosts, inMesh, report);
  gateways.forEach((name, index) => checkGatewayName(name, `spec.gateways[${index}]`, report));
  if (!spec.http?.length && !spec.tls?.length && !spec.tcp?.length)
    report.error("spec", "needs http, tls or tcp routes");
  (spec.http ?? []).forEach((route, index) => {
    checkHttpRoute(route, `spec.http[${index}]`, { delegate, gatewayOnly: !inMesh }, report);
  });
  checkL4(spec, report);
  checkExportTo(spec.exportTo, namespace, "spec.exportTo", report);
  checkUnreachable(spec, report);
}

function checkHosts(hosts: readonly string[], inMesh: boolean, report: Report): void {
  hosts.forEach((host, index) => {
    const field = `spec.hosts[${index}]`;
    checkHost(host, field, report);
    if (host === "*" && inMesh)
      report.error(field, "every host can only be routed at a gateway: name one in gateways", host);
    if (hosts.indexOf(host) !== index) report.error(field, "is there twice", host);
    else if (
      hosts.some((other) => other !== host && other.startsWith("*") && host.startsWith("*") && isSubsetOf(host, other))
    ) {
      report.warning(field, "is covered by another host of the list", host);
    }
  });
}

function checkGatewayName(name: string, field: string, report: Report): void {
  if (name === "mesh") return;
  const parts = name.split("/");
  const [owner = "", own = ""] = parts;
  if (parts.length === 2) {
    if ((owner === "." || isDnsLabel(owner)) && isDnsName(own)) return;
  } else if (parts.length === 1 && isDnsName(owner)) {
    if (owner.includes(".")) report.warning(field, "is the old form of a gateway's name: use namespace/name", name);
    return;
  }
  report.error(field, "must be the name of a Gateway, namespace/name, or mesh", name);
}

function checkL4(spec: VirtualServiceSpec, report: Report): void {
  (spec.tls ?? []).forEach(({ match = [], route = [] }, index) => {
    const field = `spec.tls[${index}]`;
    if (match.length === 0) report.error(`${field}.match`, "must not be empty: TLS routes need sniHosts");
    match.forEach((condition, at) => {
      checkSni(condition, spec.hosts ?? [], `${field}.match[${at}]`, report);
      checkL4Match(condition, `${field}.match[${at}]`, report);
    });
    if (route.length === 0) report.error(`${field}.route`, "must not be empty");
    checkRoutes(route, `${field}.route`, report);
  });
  (spec.tcp ?? []).forEach(({ match = [], route = [] }, index) => {
    const field = `spec.tcp[${index}]`;
    match.forEach((condition, at) => checkL4Match(condition, `${field}.match[${at}]`, report));
    if (route.length === 0) report.error(`${field}.route`, "must not be empty");
    checkRoutes(route, `${field}.route`, report);
  });
}

function checkSni(
  { sniHosts = [] }: TLSMatchAttributes,
  hosts: readonly string[],
  field: string,
  report: Report,
): void {
  if (sniHosts.length === 0) report.error(`${field}.sniHosts`, "must not be empty");
  sniHosts.forEach((name, index) => {
    const at = `${field}.sniHosts[${index}]`;
    if (!isHostPattern(name)) report.error(at, "must be a DNS name or a pattern like *.example.com", name);
    else if (!hosts.some((host) => isSubsetOf(name, host))) report.error(at, "must be covered by spec.hosts", name);
  });
}

function checkL4Match(match: L4MatchAttributes, field: string, report: Report): void {
  const { destinationSubnets = [], port } = match;
  checkLabels(match.sourceLabels, `${field}.sourceLabels`, report);
  if (port !== undefined && port !== 0) checkPort(port, `${field}.port`, report);
  destinationSubnets.forEach((subnet, index) => {
    if (!isSubnet(subnet))
      report.error(`${field}.destinationSubnets[${index}]`, "must be an IP address or a CIDR range", subnet);
  });
}

function isSubnet(text: string): boolean {
  const [address = "", length] = text.split("/", 2);
  const family = isIP(address);
  if (family === 0) return false;
  try {
    new BlockList().addSubnet(address, length === undefined ? 32 : Number(length), family === 6 ? "ipv6" : "ipv4");
    return true;
  } catch {
    return false;
  }
}
