import { badRequest, fieldError, invalid } from "../api-error.ts";
import type { ApiRequest } from "./request.ts";

type FieldValidation = "Strict" | "Warn" | "Ignore";

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  /** Who is named in `metadata.managedFields`. */
  readonly manager: string;
  /** Collected on the way, sent as `Warning` headers. */
  readonly warnings: string[];
}

export function isDryRun(values: readonly string[]): boolean {
  const wrong = values.filter((value) => value !== "All");
  if (wrong.length > 0)
    throw invalid("meta.k8s.io", "CreateOptions", "", [fieldError.unsupported("dryRun", wrong, ["All"])]);
  return values.length > 0;
}

function fieldValidationOf(query: URLSearchParams): FieldValidation {
  const value = query.get("fieldValidation") || "Warn";
  if (value === "Strict" || value === "Warn" || value === "Ignore") return value;
  throw badRequest(`fieldValidation: ${JSON.stringify(value)} is not one of Ignore, Strict, Warn`);
}

/** kubectl's user agent is `kubectl/v1.32.4 (linux/amd64) …`; the part before the slash names the manager. */
function managerOf({ query, headers }: ApiRequest): string {
  const given = query.get("fieldManager");
  if (given) {
    if (given.length > 128) throw badRequest(`fieldManager: may not be more than 128 bytes`);
    return given;
  }
  const [agent = ""] = (headers["user-agent"] ?? "").split("/");
  return agent.slice(0, 128) || "unknown";
}

export function writeOptions(request: ApiRequest): WriteOptions {
  return {
    dryRun: isDryRun(request.query.getAll("dryRun").filter((value) => value !== "")),
    fieldValidation: fieldValidationOf(request.query),
    manager: managerOf(request),
    warnings: [],
  };
}

/** RFC 9111 §5.5 as Kubernetes uses it: code 299, agent `-`. */
export function warningHeaders(warnings: readonly string[]): Record<string, string> {
  if (warnings.length === 0) return {};
  const text = warnings.slice(0, 16).map(
    (warning) =>
      `299 - "${warning
        .replaceAll(/[\\"]/g, String.raw`\$&`)
        .replaceAll(/[^\x20-\x7e]/g, " ")
        .slice(0, 512)}"`,
  );
  return { warning: text.join(", ") };
}
