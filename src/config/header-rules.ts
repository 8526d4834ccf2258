import type { Headers } from "#api/istio/virtual-service.ts";
import type { Report } from "./report.ts";

/** RFC 9110 §5.1: a token. */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name);
}

/** The same, or one of HTTP/2's pseudo headers. */
export function isMatchableHeader(name: string): boolean {
  return isHeaderName(name.startsWith(":") ? name.slice(1) : name);
}

/** The host of a request, as HTTP/1.1 or as HTTP/2 calls it. */
export function isAuthority(name: string): boolean {
  return /^(?::authority|host)$/i.test(name);
}

// Commands of Envoy's substitution format: %NAME%, %NAME(arguments)%, %NAME(arguments):10%.
const command = /%[A-Z][A-Z0-9_]*(\([^)]*\))?(:[0-9]+)?%/g;

/** Envoy takes `%` for the beginning of a command; a lone one must be written `%%`. */
function isHeaderValue(value: string): boolean {
  return !value.replaceAll("%%", "").replace(command, "").includes("%");
}

/** The authority is changed with the request; Envoy lets nobody change the other pseudo headers. */
function checkEdited(name: string, authority: boolean, field: string, report: Report): void {
  if (authority && isAuthority(name)) return;
  if (isAuthority(name) || (name.startsWith(":") && isMatchableHeader(name))) {
    report.error(field, "can't be changed here", name);
  } else if (!isHeaderName(name)) report.error(field, "is not a header name", name);
}

export function checkHeaders(headers: Headers | undefined, field: string, report: Report): void {
  for (const side of ["request", "response"] as const) {
    const operations = headers?.[side];
    for (const verb of ["set", "add"] as const) {
      for (const [name, value] of Object.entries(operations?.[verb] ?? {})) {
        const at = `${field}.${side}.${verb}[${JSON.stringify(name)}]`;
        checkEdited(name, side === "request", at, report);
        if (!isHeaderValue(value)) report.error(at, "has a lone %: write %% or a command such as %HOSTNAME%", value);
      }
    }
    (operations?.remove ?? []).forEach((name, index) => {
      checkEdited(name, false, `${field}.${side}.remove[${index}]`, report);
    });
  }
}
