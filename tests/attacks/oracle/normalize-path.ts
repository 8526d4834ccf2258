export type PathNormalization = "NONE" | "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES";

/**
 * The path that policies see and the workload gets: without its query, and normalized. Undefined for a target that is refused.
 * Istio: "Authorization Policy Normalization" and "Security Best Practices, Customize your system on path normalization".
 */
export function normalizePath(target: string, mode: PathNormalization): string | undefined {
  let path = target.split("?", 1)[0] ?? "";
  // The page says that %00 is always refused; where nothing is normalized, nothing looks at it either.
  if (mode === "NONE") return path;
  if (/%00/.test(path)) return undefined;
  // In this order: escaped slashes, RFC 3986 with what needn't be escaped, slashes that follow each other.
  if (mode === "DECODE_AND_MERGE_SLASHES") path = path.replace(/%2f/gi, "/").replace(/%5c/gi, "\\");
  path = path
    .replace(/\\/g, "/")
    .replace(/%(2[de]|3\d|[46][1-9a-f]|[57][0-9a]|5f|7e)/gi, (escape) =>
      String.fromCharCode(Number.parseInt(escape.slice(1), 16)),
    );
  path = withoutDots(path);
  return mode === "BASE" ? path : path.replace(/\/+/g, "/");
}

/** RFC 3986 §5.2.4 */
function withoutDots(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/").slice(1);
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
    if (isLast && (segment === "." || segment === "..")) kept.push("");
  }
  return `/${kept.join("/")}`;
}
