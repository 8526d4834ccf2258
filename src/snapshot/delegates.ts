import type { StringMatch } from "#api/istio/string-match.ts";
import type { HTTPMatchRequest, HTTPRoute } from "#api/istio/virtual-service.ts";
import { isVisible } from "#model/visibility.ts";
import type { RoutingRule } from "./virtual-services.ts";

/**
 * Puts the routes of delegates (rules without hosts) where other rules name them. A route whose delegate isn't there, or isn't
 * exported to the rule's namespace, is left out. Istio: mergeVirtualServicesIfNeeded.
 */
export function mergeDelegates(rules: readonly RoutingRule[]): readonly RoutingRule[] {
  const delegates = new Map<string, RoutingRule>();
  for (const rule of rules) if (rule.hosts.length === 0) delegates.set(`${rule.namespace}/${rule.name}`, rule);
  return rules.filter(({ hosts }) => hosts.length > 0).map((rule) => withDelegates(rule, delegates));
}

const merged = new WeakMap<
  RoutingRule,
  { readonly used: readonly (RoutingRule | undefined)[]; readonly rule: RoutingRule }
>();

function withDelegates(rule: RoutingRule, delegates: ReadonlyMap<string, RoutingRule>): RoutingRule {
  const routes = rule.spec.http ?? [];
  if (!routes.some(({ delegate }) => delegate)) return rule;
  const used = routes.map((route) => findDelegate(route, rule, delegates));
  const known = merged.get(rule);
  if (known !== undefined && known.used.every((delegate, index) => delegate === used[index])) return known.rule;
  const http = routes.flatMap((route, index) =>
    route.delegate ? mergeRoutes(route, used[index]?.spec.http ?? []) : [route],
  );
  const result = Object.freeze({ ...rule, spec: { ...rule.spec, http } });
  merged.set(rule, { used, rule: result });
  return result;
}

function findDelegate(
  { delegate }: HTTPRoute,
  rule: RoutingRule,
  delegates: ReadonlyMap<string, RoutingRule>,
): RoutingRule | undefined {
  if (!delegate) return undefined;
  const found = delegates.get(`${delegate.namespace || rule.namespace}/${delegate.name ?? ""}`);
  return found && isVisible(found.exportTo, rule.namespace) ? found : undefined;
}

/** The delegate's routes under the conditions and with the settings of the route that names it. */
export function mergeRoutes(root: HTTPRoute, delegate: readonly HTTPRoute[]): readonly HTTPRoute[] {
  const { delegate: _delegate, name: _name, match: _match, ...inherited } = root;
  return delegate.flatMap((own) => {
    const match = mergeMatches(root.match ?? [], own.match ?? []);
    if (match === undefined || own.delegate) return [];
    const name = [root.name, own.name].filter(Boolean).join("-");
    return [{ ...inherited, ...own, ...(match.length > 0 ? { match } : {}), ...(name ? { name } : {}) }];
  });
}

/** Both conditions together; `undefined` when one of the delegate's goes with none of the root's. */
export function mergeMatches(
  root: readonly HTTPMatchRequest[],
  delegate: readonly HTTPMatchRequest[],
): readonly HTTPMatchRequest[] | undefined {
  if (root.length === 0) return delegate;
  if (delegate.length === 0) return root;
  const result: HTTPMatchRequest[] = [];
  for (const own of delegate) {
    const fitting = root.filter((outer) => !hasConflict(outer, own));
    if (fitting.length === 0) return undefined;
    result.push(...fitting.map((outer) => mergeMatch(outer, own)));
  }
  return result;
}

const maps = ["headers", "withoutHeaders", "queryParams", "sourceLabels"] as const;

function mergeMatch(outer: HTTPMatchRequest, own: HTTPMatchRequest): HTTPMatchRequest {
  const result: Record<string, unknown> = { ...outer, ...own };
  for (const part of maps) if (outer[part] && own[part]) result[part] = { ...outer[part], ...own[part] };
  const name = [outer.name, own.name].filter(Boolean).join("-");
  if (name) result["name"] = name;
  if (!own.port && outer.port) result["port"] = outer.port;
  return result;
}

/** Whether no request could match both, or that can't be told. */
export function hasConflict(outer: HTTPMatchRequest, own: HTTPMatchRequest): boolean {
  const single = ["uri", "scheme", "method", "authority"] as const;
  if (single.some((part) => matchesConflict(outer[part], own[part]))) return true;
  for (const part of ["headers", "withoutHeaders", "queryParams"] as const) {
    const conflicts = Object.entries(own[part] ?? {}).some(([key, value]) =>
      matchesConflict(outer[part]?.[key], value),
    );
    if (conflicts) return true;
  }
  if ((outer.ignoreUriCase ?? false) !== (own.ignoreUriCase ?? false)) return true;
  if (outer.port && own.port && outer.port !== own.port) return true;
  const labels = outer.sourceLabels ?? {};
  if (Object.entries(own.sourceLabels ?? {}).some(([key, value]) => (labels[key] ?? value) !== value)) return true;
  if (outer.sourceNamespace && own.sourceNamespace && outer.sourceNamespace !== own.sourceNamespace) return true;
  return Boolean(outer.gateways?.length) && !(own.gateways ?? []).every((gateway) => outer.gateways?.includes(gateway));
}

/** A delegate may only narrow; of two expressions nobody can say. */
function matchesConflict(outer: StringMatch | undefined, own: StringMatch | undefined): boolean {
  if (outer === undefined || own === undefined) return false;
  if (outer.regex || own.regex) return true;
  if (outer.exact) return own.exact !== outer.exact;
  if (outer.prefix) return !(own.prefix ?? own.exact ?? "").startsWith(outer.prefix);
  return true;
}
