import { isIP } from "node:net";
import type {
  EgressListener,
  IngressListener,
  OutboundTrafficPolicy,
  SidecarPort,
  SidecarSpec,
} from "#api/istio/sidecar.ts";
import { parseEndpointAddress } from "#model/ip.ts";
import { isHttp, isTls, parseProtocol } from "#model/protocol.ts";
import { checkPool } from "./destination-rule-rules.ts";
import { checkServerTls } from "./gateway-rules.ts";
import { checkPortName, checkProtocol, isDnsLabel, isDnsName, isHostPattern } from "./host-rules.ts";
import { checkPort } from "./http-route-rules.ts";
import type { Report } from "./report.ts";
import { checkUnixAddress, isUnixAddress } from "./workload-entry-rules.ts";
import { checkWorkloadSelector } from "./workload-selector-rules.ts";

/** Istio: ValidateSidecar. */
export function checkSidecar(spec: SidecarSpec, report: Report): void {
  const { ingress = [], egress = [], outboundTrafficPolicy, inboundConnectionPool } = spec;
  checkWorkloadSelector(spec.workloadSelector, "spec.workloadSelector", "all workloads of the namespace", report);
  if (ingress.length === 0 && egress.length === 0 && !outboundTrafficPolicy && !inboundConnectionPool) {
    report.error("spec", "says nothing: it needs ingress, egress, outboundTrafficPolicy or inboundConnectionPool");
  }
  checkIngress(ingress, report);
  checkPool(inboundConnectionPool, "spec.inboundConnectionPool", report);
  checkEgress(egress, report);
  checkOutboundPolicy(outboundTrafficPolicy, report);
}

function checkIngress(ingress: readonly IngressListener[], report: Report): void {
  const ports = new Set<number>();
  ingress.forEach((listener, index) => {
    const field = `spec.ingress[${index}]`;
    const { port, bind, defaultEndpoint } = listener;
    if (port === undefined) return report.error(`${field}.port`, "is required");
    checkListenerPort(port, `${field}.port`, report);
    checkPort(port.number ?? 0, `${field}.port.number`, report);
    if (bind) checkBind(bind, `${field}.bind`, report);
    if (ports.has(port.number ?? 0)) report.error(`${field}.port.number`, "is there twice", port.number);
    ports.add(port.number ?? 0);
    if (defaultEndpoint) checkDefaultEndpoint(defaultEndpoint, `${field}.defaultEndpoint`, report);
    checkIngressTls(listener, field, report);
    checkPool(listener.connectionPool, `${field}.connectionPool`, report);
    if (listener.connectionPool?.http && !isHttp(parseProtocol(port.protocol ?? ""))) {
      report.warning(`${field}.connectionPool.http`, "isn't used: the port's protocol isn't HTTP", port.protocol);
    }
  });
}

function checkListenerPort(port: SidecarPort, field: string, report: Report): void {
  if (port.targetPort) report.error(`${field}.targetPort`, "has no meaning in a Sidecar", port.targetPort);
  if (port.name) checkPortName(port.name, `${field}.name`, report);
  checkProtocol(port.protocol, `${field}.protocol`, report);
}

function checkBind(bind: string, field: string, report: Report): void {
  if (isIP(bind) === 0) report.error(field, "must be an IP address", bind);
}

const endpointHosts: ReadonlySet<string> = new Set(["", "127.0.0.1", "0.0.0.0", "::1", "::"]);

function checkDefaultEndpoint(endpoint: string, field: string, report: Report): void {
  if (isUnixAddress(endpoint)) return checkUnixAddress(endpoint, field, report);
  const parsed = parseEndpointAddress(endpoint);
  if (parsed === undefined || !endpointHosts.has(parsed.host)) {
    report.error(field, "must be 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, [::]:PORT, :PORT or unix://PATH", endpoint);
  } else checkPort(parsed.port, field, report);
}

function checkIngressTls({ tls, port }: IngressListener, at: string, report: Report): void {
  if (tls === undefined) return;
  const field = `${at}.tls`;
  const unsupported = {
    subjectAltNames: tls.subjectAltNames?.length,
    httpsRedirect: tls.httpsRedirect,
    credentialName: tls.credentialName,
    credentialNames: tls.credentialNames?.length,
    tlsCertificates: tls.tlsCertificates?.length,
  };
  for (const [name, given] of Object.entries(unsupported)) {
    if (given) report.error(`${field}.${name}`, "isn't possible in a Sidecar");
  }
  if (tls.mode === "ISTIO_MUTUAL" || tls.mode === "AUTO_PASSTHROUGH") {
    report.error(`${field}.mode`, "isn't possible in a Sidecar", tls.mode);
  }
  if (!isTls(parseProtocol(port?.protocol ?? ""))) {
    report.error(`${at}.port.protocol`, "must be HTTPS or TLS for a port with tls", port?.protocol);
  }
  checkServerTls(tls, field, report);
}

function checkEgress(egress: readonly EgressListener[], report: Report): void {
  const binds = new Set<string>();
  egress.forEach(({ port, bind = "", captureMode = "DEFAULT", hosts = [] }, index) => {
    const field = `spec.egress[${index}]`;
    if (port === undefined) {
      if (index < egress.length - 1) report.error(`${field}.port`, "may only be missing in the last item");
    } else {
      checkListenerPort(port, `${field}.port`, report);
      const number = port.number ?? 0;
      if (number !== 0) {
        checkPort(number, `${field}.port.number`, report);
        if (bind !== "") checkBind(bind, `${field}.bind`, report);
      } else if (!isUnixAddress(bind)) {
        report.error(`${field}.bind`, "must be unix:// and a path where the port's number is 0", bind);
      } else {
        checkUnixAddress(bind, `${field}.bind`, report);
        if (captureMode === "IPTABLES") report.error(`${field}.captureMode`, "must be NONE for a socket", captureMode);
      }
      const key = number === 0 ? bind : String(number);
      if (binds.has(key)) report.error(`${field}.port`, "is there twice", number === 0 ? bind : number);
      binds.add(key);
    }
    if (hosts.length === 0) report.error(`${field}.hosts`, "must not be empty");
    checkEgressHosts(hosts, `${field}.hosts`, report);
  });
}

function checkEgressHosts(hosts: readonly string[], field: string, report: Report): void {
  hosts.forEach((text, index) => {
    const at = `${field}[${index}]`;
    const parts = text.split("/");
    const [owner = "", host = ""] = parts;
    if (parts.length !== 2 || owner === "" || host === "") return report.error(at, "must be namespace/host", text);
    const namespace = owner.length > 1 && owner.startsWith("~") ? owner.slice(1) : owner;
    if (!["*", ".", "~"].includes(namespace) && !isDnsLabel(namespace)) {
      report.error(at, "must have a namespace, `.`, `*` or `~` before the slash", text);
    }
    const partial = host.startsWith("*") && host !== "*" && !host.startsWith("*.");
    if (partial || !isHostPattern(host)) {
      report.error(at, "must have a DNS name, * or a pattern like *.example.com after the slash", text);
    }
    if (hosts.indexOf(text) !== index) report.warning(at, "is there twice", text);
  });
  const every = hosts.indexOf("*/*");
  if (every >= 0 && hosts.some((host, index) => index !== every && !host.startsWith("~"))) {
    report.warning(`${field}[${every}]`, "takes in everything: the others say nothing");
  }
}

function checkOutboundPolicy(policy: OutboundTrafficPolicy | undefined, report: Report): void {
  const proxy = policy?.egressProxy;
  if (proxy === undefined) return;
  const field = "spec.outboundTrafficPolicy.egressProxy";
  if (policy?.mode !== "ALLOW_ANY") report.error(field, "needs mode ALLOW_ANY", policy?.mode);
  if (!isDnsName(proxy.host)) report.error(`${field}.host`, "must be a DNS name", proxy.host);
  if (proxy.port?.number === undefined) report.error(`${field}.port.number`, "is required");
  else checkPort(proxy.port.number, `${field}.port.number`, report);
}
