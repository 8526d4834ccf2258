import type { HTTPMatchRequest, HTTPRoute } from "#api/istio/virtual-service.ts";
import type { Report } from "./report.ts";

/** Warns of routes that no request reaches, because one before them takes everything they would. Istio: analyzeUnreachable. */
export function checkUnreachable(routes: readonly HTTPRoute[], report: Report): void {
  const earlier: { readonly prefix: string; readonly field: string }[] = [];
  for (const [index, route] of routes.entries()) {
    const matches: readonly (HTTPMatchRequest | null)[] = route.match?.length ? route.match : [null];
    for (const [at, match] of matches.entries()) {
      const field = route.match?.length ? `spec.http[${index}].match[${at}]` : `spec.http[${index}]`;
      const path = pathOf(match);
      const cover = earlier.find(({ prefix }) => path.startsWith(prefix));
      if (cover) report.warning(field, `is never used: ${cover.field} takes every request that matches`);
      const taken = takenPrefix(match);
      if (taken !== undefined) earlier.push({ prefix: taken, field });
    }
  }
}

/** How every path that matches begins. */
function pathOf(match: HTTPMatchRequest | null): string {
  return match?.uri?.exact ?? match?.uri?.prefix ?? "/";
}

/** The prefix of which a match takes every request; `undefined` when it also asks for something else. */
function takenPrefix(match: HTTPMatchRequest | null): string | undefined {
  if (match === null) return "/";
  const { name: _name, statPrefix: _stat, uri, ignoreUriCase: _case, ...others } = match;
  if (Object.values(others).some((value) => value !== undefined)) return undefined;
  if (uri === undefined) return "/";
  return uri.prefix;
}
