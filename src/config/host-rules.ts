import { isIP } from "node:net";
import { parseProtocol } from "#model/protocol.ts";
import type { Report } from "./report.ts";

const label = /^[a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9_])?$/;

/** Whether `host` is a DNS name, by label. */
export function isDnsName(host: string): boolean {
  const name = host.endsWith(".") ? host.slice(0, -1) : host;
  return (
    name.length > 0 && name.length <= 255 && name.split(".").every((part) => part.length <= 63 && label.test(part))
  );
}

/** The same, or with `*` in place of the first label or as its beginning: `*`, `*.example.com`, `*-foo.example.com`. */
export function isHostPattern(host: string): boolean {
  if (!host.startsWith("*")) return isDnsName(host);
  const rest = host.slice(1).replace(/^[-.]/, "");
  return rest === "" ? host === "*" : isDnsName(rest);
}

/** A Kubernetes namespace or name. */
export function isDnsLabel(text: string): boolean {
  return text.length > 0 && text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);
}

/** A host that routes apply to: a pattern or an address. */
export function checkHost(host: string, field: string, report: Report): void {
  if (!isHostPattern(host) && isIP(host) === 0)
    report.error(field, "must be a DNS name, a pattern like *.example.com, or an IP address", host);
}

const portName = /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/;

/** Istio: ValidatePortName. */
export function isPortName(name: string): boolean {
  return name.length <= 63 && portName.test(name);
}

export function checkPortName(name: string, field: string, report: Report): void {
  if (!isPortName(name)) report.error(field, "must be a name of letters, digits and -", name);
}

/** Nothing, or the name of a protocol. */
export function checkProtocol(protocol: string | undefined, field: string, report: Report): void {
  if (protocol && parseProtocol(protocol) === "Unsupported") {
    report.error(field, "must be HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, MONGO, MYSQL, REDIS, TCP, TLS or UDP", protocol);
  }
}

/** Istio: validateExportTo. `nobody`: whether `~` is a choice. */
export function checkExportTo(
  list: readonly string[] | undefined,
  namespace: string,
  field: string,
  report: Report,
  { nobody = false }: { readonly nobody?: boolean } = {},
): void {
  const names = list ?? [];
  names.forEach((name, index) => {
    const at = `${field}[${index}]`;
    if (nobody && name === "~") {
      if (names.length > 1) report.error(field, "`~` (nobody) must stand alone", names);
    } else if (name !== "." && name !== "*" && !isDnsLabel(name))
      report.error(at, "must be a namespace, `.` or `*`", name);
    else if (names.indexOf(name) !== index) report.error(at, "is there twice", name);
    else if (name === namespace && names.includes(".")) report.error(at, "is the same as `.`", name);
  });
  if (names.includes("*") && names.length > 1) report.error(field, "`*` must stand alone", names);
}
