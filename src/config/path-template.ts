/** RFC 3986 appendix A: what a segment of a path may have; Envoy takes nothing else beside a template's operators. */
const literal = /^[a-zA-Z0-9-._~%!$&'()+,;:@=]+$/;

/** What is wrong with a path that may be a template, with `{*}` for one segment and `{**}` for any number. Istio: CheckValidPathTemplate. */
export function pathTemplateComplaint(path: string): string | undefined {
  if (!/[{}]/.test(path)) return undefined;
  if (!path.startsWith("/")) return "must begin with / to be a template";
  const segments = path.replace(/^\/+|\/+$/g, "").split("/");
  const last = segments.indexOf("{**}");
  for (const [index, segment] of segments.entries()) {
    if (segment === "{*}" || segment === "{**}") {
      if (last >= 0 && index > last) return "must not have {*} or {**} after {**}";
    } else if (/[{}]/.test(segment)) return "must have { and } in segments that are {*} or {**} only";
    else if (!literal.test(segment)) return `has a segment, ${JSON.stringify(segment)}, that a template can't have`;
  }
  return undefined;
}
