import { isDeepStrictEqual } from "node:util";
import type { HTTPMatchRequest, VirtualServiceSpec } from "#api/istio/virtual-service.ts";
import type { Report } from "./report.ts";

interface Rule {
  readonly match?: readonly object[];
}

/**
 * Warns of rules and matches that nothing reaches, because what stands before them takes it all. Istio:
 * analyzeUnreachableHTTPRules and its kin; as there, only prefixes are looked at for covering others.
 */
export function checkUnreachable({ http = [], tcp = [], tls = [] }: VirtualServiceSpec, report: Report): void {
  checkRules("spec.http", http, report);
  checkPrefixes(http, report);
  checkRules("spec.tcp", tcp, report);
  checkRules("spec.tls", tls, report);
}

/** Rules that follow one without a match, and those whose matches are all there already. */
function checkRules(field: string, rules: readonly Rule[], report: Report): void {
  const seen = new Map<string, string>();
  let catchAll: string | undefined;
  for (const [index, { match = [] }] of rules.entries()) {
    const rule = `${field}[${index}]`;
    if (catchAll !== undefined) {
      report.unreachableRule(rule, `is never used: ${catchAll} takes everything`);
      continue;
    }
    if (match.length === 0) {
      catchAll = rule;
      continue;
    }
    let taken = 0;
    for (const [at, condition] of match.entries()) {
      const key = JSON.stringify(sortedKeys(conditionsOf(condition)));
      const first = seen.get(key);
      if (first === undefined) seen.set(key, `${rule}.match[${at}]`);
      else {
        taken++;
        report.unusedMatch(`${rule}.match[${at}]`, `is never used: it is the same as ${first}`);
      }
    }
    if (taken === match.length) report.unreachableRule(rule, "is never used: its matches are all in rules before it");
  }
}

/** Matches by a prefix that a shorter one before them takes, which asks for nothing that they don't. */
function checkPrefixes(rules: readonly { readonly match?: readonly HTTPMatchRequest[] }[], report: Report): void {
  const earlier: { readonly prefix: string; readonly match: HTTPMatchRequest; readonly field: string }[] = [];
  for (const [index, rule] of rules.entries()) {
    for (const [at, match] of (rule.match ?? []).entries()) {
      const prefix = match.uri?.prefix;
      if (prefix === undefined) continue;
      const field = `spec.http[${index}].match[${at}]`;
      const cover = earlier.find(
        (other) => prefix !== other.prefix && prefix.startsWith(other.prefix) && asksNoMore(other.match, match),
      );
      if (cover) report.unusedMatch(field, `is never used: ${cover.field} takes every request that matches`);
      earlier.push({ prefix, match, field });
    }
  }
}

function asksNoMore(wide: HTTPMatchRequest, narrow: HTTPMatchRequest): boolean {
  if ((wide.ignoreUriCase ?? false) !== (narrow.ignoreUriCase ?? false)) return false;
  const { uri: _uri, ignoreUriCase: _case, ...wanted } = conditionsOf(wide);
  const given = conditionsOf(narrow);
  return Object.entries(wanted).every(([key, value]) => isDeepStrictEqual(value, given[key]));
}

/** What a match asks of a request: all but its names. */
function conditionsOf(match: object): Readonly<Record<string, unknown>> {
  const { name: _name, statPrefix: _stat, ...conditions } = match as Record<string, unknown>;
  return conditions;
}

/** The same value with the keys of every map in order, so that equal values have equal texts. */
function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortedKeys(item)]),
  );
}
