import type { Headers } from "#api/istio/virtual-service.ts";
import type { Report } from "./report.ts";

/** RFC 9110 §5.1: a token. A colon may lead, for HTTP/2's pseudo headers. */
export function isHeaderName(name: string): boolean {
  return /^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name);
}

// Commands of Envoy's substitution format: %NAME%, %NAME(arguments)%, %NAME(arguments):10%.
const command = /%[A-Z][A-Z0-9_]*(\([^)]*\))?(:[0-9]+)?%/g;

/** Envoy takes `%` for the beginning of a command; a lone one must be written `%%`. */
function isHeaderValue(value: string): boolean {
  return !value.replaceAll("%%", "").replace(command, "").includes("%");
}

export function checkHeaders(headers: Headers | undefined, field: string, report: Report): void {
  for (const side of ["request", "response"] as const) {
    const operations = headers?.[side];
    for (const verb of ["set", "add"] as const) {
      for (const [name, value] of Object.entries(operations?.[verb] ?? {})) {
        const at = `${field}.${side}.${verb}[${JSON.stringify(name)}]`;
        if (!isHeaderName(name)) report.error(at, "is not a header name", name);
        if (!isHeaderValue(value)) report.error(at, "has a lone %: write %% or a command such as %HOSTNAME%", value);
      }
    }
    (operations?.remove ?? []).forEach((name, index) => {
      if (!isHeaderName(name)) report.error(`${field}.${side}.remove[${index}]`, "is not a header name", name);
    });
  }
}
