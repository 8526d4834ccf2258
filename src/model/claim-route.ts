const claimHeader = "@request.auth.claims";

/**
 * The claim that a header match of a VirtualService stands for, as a path: `@request.auth.claims.a.b` and
 * `@request.auth.claims[a][b]` are `b` in `a`. Undefined for other names. Istio: ToRoutingClaim.
 */
export function claimOf(header: string): readonly string[] | undefined {
  if (!header.toLowerCase().startsWith(claimHeader)) return undefined;
  const path = header.slice(claimHeader.length);
  if (path.length > 1 && path.startsWith(".")) return path.slice(1).split(".");
  return path.length > 2 && path.startsWith("[") && path.endsWith("]") ? path.slice(1, -1).split("][") : undefined;
}
