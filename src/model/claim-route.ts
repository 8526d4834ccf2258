const claimHeader = "@request.auth.claims";

/**
 * The claim that a header match of a VirtualService stands for, as a path: `@request.auth.claims.a.b` and
 * `@request.auth.claims[a][b]` are `b` in `a`. Undefined for other names, and where a part
 * of the path is empty, which Envoy refuses. Istio: ToRoutingClaim.
 */
export function claimOf(header: string): readonly string[] | undefined {
  if (!header.toLowerCase().startsWith(claimHeader)) return undefined;
  const path = pathOf(header.slice(claimHeader.length));
  return path.includes("") ? undefined : path;
}

function pathOf(text: string): readonly string[] {
  if (text.startsWith(".")) return text.slice(1).split(".");
  return text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1).split("][") : [""];
}
