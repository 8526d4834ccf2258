import { isIP } from "node:net";
import type {
  ClientTLS,
  ConnectionPool,
  DestinationRuleSpec,
  LoadBalancer,
  OutlierDetection,
  PortPolicy,
  TrafficPolicy,
} from "#api/istio/destination-rule.ts";
import { checkExportTo, isDnsName, isHostPattern } from "./host-rules.ts";
import { checkPort } from "./http-route-rules.ts";
import { checkLabels } from "./label-rules.ts";
import { checkLocalities, checkZones } from "./locality-rules.ts";
import type { Report } from "./report.ts";

/** Istio: ValidateDestinationRule. */
export function checkDestinationRule(
  spec: DestinationRuleSpec,
  report: Report,
  { namespace }: { readonly namespace: string },
): void {
  const { host = "", subsets = [], trafficPolicy, exportTo = [] } = spec;
  if (!isHostPattern(host)) report.error("spec.host", "must be a service or a pattern like *.example.com", host);
  checkTrafficPolicy(trafficPolicy ?? undefined, "spec.trafficPolicy", report);
  const names = new Set<string>();
  subsets.forEach((subset, index) => {
    const field = `spec.subsets[${index}]`;
    if (!isDnsName(subset.name))
      report.error(`${field}.name`, "must be a name of letters, digits, - and _", subset.name);
    if (names.has(subset.name)) report.error(`${field}.name`, "is there twice", subset.name);
    names.add(subset.name);
    checkLabels(subset.labels, `${field}.labels`, report);
    checkTrafficPolicy(subset.trafficPolicy ?? undefined, `${field}.trafficPolicy`, report);
  });
  checkExportTo(exportTo, namespace, "spec.exportTo", report);
  checkLabels(spec.workloadSelector?.matchLabels, "spec.workloadSelector.matchLabels", report);
  if (spec.workloadSelector && exportTo.some((name) => name !== ".")) {
    report.error("spec.exportTo", "can only be `.` in a rule with a workloadSelector", exportTo);
  }
}

function checkTrafficPolicy(policy: TrafficPolicy | undefined, field: string, report: Report): void {
  if (policy === undefined) return;
  if (Object.keys(policy).length === 0) report.error(field, "must not be empty");
  checkParts(policy, field, report);
  checkTunnel(policy.tunnel, `${field}.tunnel`, report);
  (policy.portLevelSettings ?? []).forEach((setting, index) => {
    const at = `${field}.portLevelSettings[${index}]`;
    if (setting.port?.number === undefined) report.error(`${at}.port.number`, "is required");
    else checkPort(setting.port.number, `${at}.port.number`, report);
    checkParts(setting, at, report);
  });
}

/** Istio: validateTunnelSettings. */
function checkTunnel(tunnel: TrafficPolicy["tunnel"], field: string, report: Report): void {
  if (tunnel === undefined) return;
  const { protocol = "", targetHost, targetPort } = tunnel;
  if (!["", "CONNECT", "POST"].includes(protocol)) {
    report.error(`${field}.protocol`, "must be CONNECT or POST", protocol);
  }
  if (!isDnsName(targetHost) && isIP(targetHost) === 0) {
    report.error(`${field}.targetHost`, "must be a DNS name or an IP address", targetHost);
  }
  checkPort(targetPort, `${field}.targetPort`, report);
}

function checkParts(policy: PortPolicy, field: string, report: Report): void {
  checkLoadBalancer(policy.loadBalancer, `${field}.loadBalancer`, report);
  checkPool(policy.connectionPool, `${field}.connectionPool`, report);
  checkOutlier(policy.outlierDetection, `${field}.outlierDetection`, report);
  checkTls(policy.tls, `${field}.tls`, report);
}

export function checkPool(pool: ConnectionPool | undefined, field: string, report: Report): void {
  if (pool === undefined) return;
  if (!pool.tcp && !pool.http) report.error(field, "needs tcp or http");
  const keepAlive = pool.http?.http2KeepAlive;
  if (keepAlive && (keepAlive.interval === undefined || keepAlive.timeout === undefined)) {
    report.error(`${field}.http.http2KeepAlive`, "needs interval and timeout");
  }
}

function checkLoadBalancer(settings: LoadBalancer | undefined, field: string, report: Report): void {
  if (settings === undefined) return;
  const { consistentHash, simple } = settings;
  if (simple !== undefined && consistentHash) report.error(field, "has both simple and consistentHash");
  if (settings.localityLbSetting && settings.zoneAwareLbSetting) {
    report.error(field, "has both localityLbSetting and zoneAwareLbSetting");
  }
  checkLocalities(settings.localityLbSetting, `${field}.localityLbSetting`, report);
  checkZones(settings.zoneAwareLbSetting, `${field}.zoneAwareLbSetting`, report);
  if (!consistentHash) return;
  const keys = (["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"] as const).filter(
    (key) => consistentHash[key] !== undefined,
  );
  if (keys.length > 1) report.error(`${field}.consistentHash`, `has more than one of ${keys.join(" and ")}`);
  const attributes = consistentHash.httpCookie?.attributes ?? [];
  if (new Set(attributes.map(({ name }) => name)).size < attributes.length) {
    report.error(`${field}.consistentHash.httpCookie.attributes`, "has a name twice");
  }
  const size = consistentHash.maglev?.tableSize;
  if (size !== undefined && (size > 5_000_011 || !isPrime(size))) {
    report.error(`${field}.consistentHash.maglev.tableSize`, "must be a prime up to 5000011", size);
  }
}

function isPrime(value: number): boolean {
  if (value < 2) return false;
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return true;
}

function checkOutlier(settings: OutlierDetection | undefined, field: string, report: Report): void {
  if (settings === undefined) return;
  if (settings.consecutiveErrors !== undefined) {
    report.warning(`${field}.consecutiveErrors`, "is old: use consecutive5xxErrors");
  }
  if (settings.consecutiveLocalOriginFailures && !settings.splitExternalLocalOriginErrors) {
    report.error(`${field}.consecutiveLocalOriginFailures`, "needs splitExternalLocalOriginErrors: true");
  }
}

function checkTls(tls: ClientTLS | undefined, field: string, report: Report): void {
  if (tls === undefined) return;
  const { mode, insecureSkipVerify = false, subjectAltNames = [], credentialName, caCertificates } = tls;
  if (insecureSkipVerify && mode === "SIMPLE" && (credentialName || caCertificates)) {
    report.error(`${field}.insecureSkipVerify`, "doesn't go with credentialName or caCertificates in mode SIMPLE");
  }
  if (insecureSkipVerify && mode === "MUTUAL" && caCertificates) {
    report.error(`${field}.insecureSkipVerify`, "doesn't go with caCertificates");
  }
  if (insecureSkipVerify && subjectAltNames.length > 0) {
    report.error(`${field}.insecureSkipVerify`, "doesn't go with subjectAltNames");
  }
  if (mode === "MUTUAL" && !credentialName) {
    if (!tls.clientCertificate) report.error(`${field}.clientCertificate`, "is required in mode MUTUAL");
    if (!tls.privateKey) report.error(`${field}.privateKey`, "is required in mode MUTUAL");
  }
  if (mode === "ISTIO_MUTUAL" && (tls.clientCertificate || tls.privateKey || caCertificates || credentialName)) {
    report.error(field, "in mode ISTIO_MUTUAL has no certificates of its own");
  }
}
