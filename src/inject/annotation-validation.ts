import { isIPv4, isIPv6 } from "node:net";

/** Says what is wrong with a value; undefined when it is fine. */
type Check = (value: string) => string | undefined;

const oneOf =
  (...allowed: readonly string[]): Check =>
  (value) =>
    allowed.includes(value) ? undefined : `must be one of ${allowed.join(", ")}`;

const unsigned: Check = (value) => (/^\d{1,10}$/.test(value) ? undefined : "must be a whole number");

const boolean: Check = (value) => (/^(1|t|true|0|f|false)$/i.test(value) ? undefined : "must be true or false");

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) <= 65535;

const ports: Check = (value) => {
  const bad = value.split(",").find((port) => value !== "" && !isPort(port.trim()));
  return bad === undefined ? undefined : `'${bad}' is not a port`;
};

const portsOrAll: Check = (value) => (value === "*" ? undefined : ports(value));

const cidrs: Check = (value) => {
  const bad = value.split(",").find((cidr) => value !== "" && !isCidr(cidr.trim()));
  return bad === undefined ? undefined : `'${bad}' is not a CIDR`;
};

function isCidr(text: string): boolean {
  const [address = "", bits = "", ...rest] = text.split("/");
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  return (isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128);
}

const cidrsOrAll: Check = (value) => (value === "*" ? undefined : cidrs(value));

const jsonMap: Check = (value) => {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? undefined : "must be a JSON map";
  } catch {
    return "must be a JSON map";
  }
};

/** Annotations that injection reads, and what they may hold. Istio: AnnotationValidation. */
const checks: Readonly<Record<string, { readonly check: Check; readonly setting?: string }>> = {
  "sidecar.istio.io/interceptionMode": { check: oneOf("REDIRECT", "TPROXY", "NONE") },
  "sidecar.istio.io/rewriteAppHTTPProbers": { check: boolean },
  "sidecar.istio.io/enableCoreDump": { check: boolean },
  "sidecar.istio.io/nativeSidecar": { check: boolean },
  "sidecar.istio.io/userVolume": { check: jsonMap },
  "sidecar.istio.io/userVolumeMount": { check: jsonMap },
  "status.sidecar.istio.io/port": { check: (value) => (isPort(value) ? undefined : "must be a port") },
  "readiness.status.sidecar.istio.io/initialDelaySeconds": { check: unsigned },
  "readiness.status.sidecar.istio.io/periodSeconds": { check: unsigned },
  "readiness.status.sidecar.istio.io/failureThreshold": { check: unsigned },
  "prometheus.istio.io/merge-metrics": { check: boolean },
  "traffic.sidecar.istio.io/includeOutboundIPRanges": { check: cidrsOrAll, setting: "includeipranges" },
  "traffic.sidecar.istio.io/excludeOutboundIPRanges": { check: cidrs, setting: "excludeipranges" },
  "traffic.sidecar.istio.io/includeInboundPorts": { check: portsOrAll, setting: "includeinboundports" },
  "traffic.sidecar.istio.io/excludeInboundPorts": { check: ports, setting: "excludeinboundports" },
  "traffic.sidecar.istio.io/includeOutboundPorts": { check: portsOrAll, setting: "includeoutboundports" },
  "traffic.sidecar.istio.io/excludeOutboundPorts": { check: ports, setting: "excludeoutboundports" },
};

/** Every annotation that can't be used, with its value and what it may hold; empty when all are fine. */
export function annotationErrors(annotations: Readonly<Record<string, string>>): string[] {
  return Object.entries(annotations).flatMap(([name, value]) => {
    const known = Object.hasOwn(checks, name) ? checks[name] : undefined;
    const problem = known?.check(value);
    if (problem === undefined) return [];
    const setting = known?.setting === undefined ? "" : `${known.setting} `;
    return [`annotation ${name}: ${setting}'${value}' is invalid: ${problem}`];
  });
}
