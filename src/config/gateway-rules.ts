import { isIP } from "node:net";
import type { GatewaySpec, Server, ServerTLS } from "#api/istio/gateway.ts";
import { isHttp, parseProtocol } from "#model/protocol.ts";
import { isKnownCipherSuite } from "./cipher-suites.ts";
import { isDnsLabel, isHostPattern } from "./host-rules.ts";
import { checkPort } from "./http-route-rules.ts";
import type { Report } from "./report.ts";

/** Marks what istiod makes of a Kubernetes Gateway; its hosts may have `~`, no namespace, where no route is attached. */
const gatewaySemantics = "internal.istio.io/gateway-semantics";

/** Istio: ValidateGateway. */
export function checkGateway(
  spec: GatewaySpec,
  report: Report,
  { annotations }: { readonly annotations: Readonly<Record<string, unknown>> },
): void {
  const converted = annotations[gatewaySemantics] === "gateway";
  const servers = spec.servers ?? [];
  if (servers.length === 0) report.error("spec.servers", "must not be empty");
  const names = new Set<string>();
  servers.forEach((server, index) => {
    const field = `spec.servers[${index}]`;
    checkServer(server, field, converted, report);
    const name = server.port?.name ?? "";
    if (names.has(name))
      report.error(`${field}.port.name`, "is there twice: each server needs a port name of its own", name);
    names.add(name);
  });
}

function checkServer(server: Server, field: string, converted: boolean, report: Report): void {
  const { hosts = [], bind = "", port = {}, tls } = server;
  if (hosts.length === 0) report.error(`${field}.hosts`, "must not be empty");
  hosts.forEach((host, index) => checkServerHost(host, `${field}.hosts[${index}]`, converted, report));
  checkServerPort(port, bind, `${field}.port`, report);
  if (bind !== "" && !bind.startsWith("unix://") && isIP(bind) === 0) {
    report.error(`${field}.bind`, "must be an IP address or unix:// and a path", bind);
  }
  const protocol = parseProtocol(port.protocol ?? "");
  if ((protocol === "HTTPS" || protocol === "TLS") && tls === undefined) {
    report.error(`${field}.tls`, `is required for a server with protocol ${port.protocol}`);
  }
  if (tls === undefined) return;
  if (isHttp(protocol)) {
    const { httpsRedirect: _redirect, ...others } = tls;
    if (Object.keys(others).length > 0) report.warning(`${field}.tls`, "isn't used by a server with plain HTTP");
    return;
  }
  if (tls.httpsRedirect) report.warning(`${field}.tls.httpsRedirect`, "is only for servers with plain HTTP");
  checkServerTls(tls, `${field}.tls`, report);
}

function checkServerHost(host: string, field: string, converted: boolean, report: Report): void {
  const parts = host.split("/");
  const [owner = "", name = owner] = parts;
  if (parts.length > 2) return report.error(field, "must be a host, or namespace/host", host);
  const known = owner === "*" || owner === "." || (converted && owner === "~");
  if (parts.length === 2 && !known && !isDnsLabel(owner)) {
    report.error(field, "must have a namespace, `.` or `*` before the slash", host);
  }
  if (!isHostPattern(name) && isIP(name) === 0)
    report.error(field, "must be a DNS name or a pattern like *.example.com", host);
}

function checkServerPort(port: NonNullable<Server["port"]>, bind: string, field: string, report: Report): void {
  const { number = 0, name = "", protocol = "" } = port;
  if (parseProtocol(protocol) === "Unsupported") {
    report.error(`${field}.protocol`, "must be HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, MONGO, TCP or TLS", protocol);
  }
  if (bind.startsWith("unix://")) {
    if (number !== 0) report.error(`${field}.number`, "must be 0 with a unix socket", number);
  } else checkPort(number, `${field}.number`, report);
  if (name === "") report.error(`${field}.name`, "must not be empty");
}

/** Istio: validateTLSOptions. */
export function checkServerTls(tls: ServerTLS, field: string, report: Report): void {
  for (const [index, suite] of (tls.cipherSuites ?? []).entries()) {
    if (!isKnownCipherSuite(suite)) {
      report.warning(`${field}.cipherSuites[${index}]`, "isn't known and is left out", suite);
    }
  }
  checkSources(tls, field, report);
  const mode = tls.mode ?? "PASSTHROUGH";
  const files = [tls.serverCertificate, tls.privateKey, tls.caCertificates].some(Boolean);
  if (mode === "PASSTHROUGH" || mode === "AUTO_PASSTHROUGH") {
    if (files || tls.caCrl || tls.credentialName) report.warning(field, `in mode ${mode} uses no certificates`);
    return;
  }
  if (mode === "ISTIO_MUTUAL") {
    if (files || tls.credentialName || tls.credentialNames) {
      report.error(field, "in mode ISTIO_MUTUAL has no certificates of its own");
    }
    return;
  }
  checkCertificates(tls, mode, field, report);
}

function checkSources(tls: ServerTLS, field: string, report: Report): void {
  const { tlsCertificates = [], credentialNames = [] } = tls;
  const sources = [
    tls.credentialName ? "credentialName" : "",
    credentialNames.length > 0 ? "credentialNames" : "",
    tls.serverCertificate ? "serverCertificate" : "",
    tlsCertificates.length > 0 ? "tlsCertificates" : "",
  ].filter((source) => source !== "");
  if (sources.length > 1) report.error(field, `has more than one of ${sources.join(" and ")}`);
}

function checkCertificates(tls: ServerTLS, mode: string, field: string, report: Report): void {
  const { tlsCertificates = [], credentialNames = [] } = tls;
  if (tls.credentialName || credentialNames.length > 0) return;
  if (tlsCertificates.length > 2) report.warning(`${field}.tlsCertificates`, "of more than two the rest is left out");
  tlsCertificates.forEach((item, index) => {
    if (!item.serverCertificate) report.error(`${field}.tlsCertificates[${index}].serverCertificate`, "is required");
    if (!item.privateKey) report.error(`${field}.tlsCertificates[${index}].privateKey`, "is required");
  });
  if (tlsCertificates.length === 0) {
    if (!tls.serverCertificate)
      report.error(`${field}.serverCertificate`, `or credentialName is required in mode ${mode}`);
    if (!tls.privateKey) report.error(`${field}.privateKey`, `or credentialName is required in mode ${mode}`);
  }
  if ((mode === "MUTUAL" || mode === "OPTIONAL_MUTUAL") && !tls.caCertificates && !tls.caCertCredentialName) {
    report.error(`${field}.caCertificates`, `or caCertCredentialName is required in mode ${mode}`);
  }
}
