import type { KubeObject } from "#kube/object.ts";
import type { Labels, RouteRule, RouteRuleSpec, RuleDestination, StringMatch } from "./route-rule.ts";

/** Holds the rules a translated pair was made from, so that they can be listed, replaced and deleted one by one. */
export const rulesAnnotation = "weft.dev/route-rules";

type Translated = KubeObject & { readonly spec: object };

/** Host of a destination; short names stay short and are completed by today's rules. */
export function hostOf(destination: RuleDestination): string {
  if (destination.service) return destination.service;
  const { name = "", namespace, domain } = destination;
  if (!namespace && !domain) return name;
  return `${name}.${namespace ?? "default"}.${domain ?? "svc.cluster.local"}`;
}

/** Name of the pair of resources that all rules of one host become. */
export function translatedName(rule: RouteRule): string {
  return `${hostOf(rule.spec.destination).replaceAll(".", "-")}-route-rules`;
}

/**
 * All rules of one host as a VirtualService and, where they name versions, DestinationRules with the subsets:
 * higher precedence first, then by name.
 */
export function translateRules(rules: readonly RouteRule[], namespace: string): Translated[] {
  const sorted = [...rules].sort(
    (a, b) => (b.spec.precedence ?? 0) - (a.spec.precedence ?? 0) || a.metadata.name.localeCompare(b.metadata.name),
  );
  const [first] = sorted;
  if (!first) return [];
  const name = translatedName(first);
  const subsets = new Map<string, Map<string, Labels>>();
  const target = (destination: RuleDestination, labels: Labels | undefined): object => {
    const host = hostOf(destination);
    if (!labels || Object.keys(labels).length === 0) return { host };
    const subset = subsetName(labels);
    const ofHost = subsets.get(host) ?? new Map<string, Labels>();
    subsets.set(host, ofHost.set(subset, labels));
    return { host, subset };
  };
  const http = sorted.map((rule) => httpRoute(rule.spec, target));
  const virtualService: Translated = {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name, namespace, annotations: { [rulesAnnotation]: JSON.stringify(sorted) } },
    spec: { hosts: [hostOf(first.spec.destination)], http },
  };
  const destinationRules = [...subsets].map(([host, ofHost]): Translated => {
    const suffix = host === hostOf(first.spec.destination) ? "" : `-${host.replaceAll(".", "-")}`;
    return {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata: { name: `${name}${suffix}`, namespace, annotations: { [rulesAnnotation]: name } },
      spec: { host, subsets: [...ofHost].map(([subset, labels]) => ({ name: subset, labels })) },
    };
  });
  // Subsets must be there before routes point at them.
  return [...destinationRules, virtualService];
}

/** Not just the version: a user's own DestinationRule for the host may define `v1` already. */
function subsetName(labels: Labels): string {
  const parts = Object.entries(labels).sort(([a], [b]) => a.localeCompare(b));
  return parts
    .map(([key, value]) => `${key}-${value}`.replaceAll(/[^A-Za-z0-9-]/g, "-"))
    .join("-")
    .toLowerCase();
}

function httpRoute(spec: RouteRuleSpec, target: (destination: RuleDestination, labels?: Labels) => object): object {
  const timeout = spec.httpReqTimeout?.simpleTimeout?.timeout;
  const retry = spec.httpReqRetries?.simpleRetry;
  const mirror = spec.mirror;
  return {
    ...(spec.match ? { match: [httpMatch(spec.match)] } : {}),
    ...(spec.redirect ? { redirect: spec.redirect } : { route: routes(spec, target) }),
    ...(spec.rewrite ? { rewrite: spec.rewrite } : {}),
    ...(timeout ? { timeout } : {}),
    ...(retry
      ? {
          retries: {
            attempts: retry.attempts ?? 0,
            ...(retry.perTryTimeout ? { perTryTimeout: retry.perTryTimeout } : {}),
          },
        }
      : {}),
    ...(spec.httpFault ? { fault: fault(spec.httpFault) } : {}),
    ...(mirror ? { mirror: target(mirror, mirror.labels) } : {}),
    ...(spec.appendHeaders ? { headers: { request: { add: spec.appendHeaders } } } : {}),
    ...(spec.corsPolicy ? { corsPolicy: spec.corsPolicy } : {}),
  };
}

function routes(spec: RouteRuleSpec, target: (destination: RuleDestination, labels?: Labels) => object): object[] {
  const declared = spec.route ?? [];
  if (declared.length === 0) return [{ destination: target(spec.destination) }];
  return declared.map(({ destination, labels, weight }) => ({
    destination: target(destination ?? spec.destination, labels),
    ...(declared.length > 1 ? { weight: weight ?? 0 } : {}),
  }));
}

/** The first API matched path, method and authority as headers of these names. */
function httpMatch(match: NonNullable<RouteRuleSpec["match"]>): object {
  const headers: Record<string, StringMatch> = {};
  const parts: Record<string, StringMatch> = {};
  for (const [name, value] of Object.entries(match.request?.headers ?? {})) {
    if (["uri", "scheme", "method", "authority"].includes(name)) parts[name] = value;
    else headers[name] = value;
  }
  const sourceLabels = { ...(match.source?.name ? { app: match.source.name } : {}), ...match.source?.labels };
  return {
    ...parts,
    ...(Object.keys(headers).length > 0 ? { headers } : {}),
    ...(Object.keys(sourceLabels).length > 0 ? { sourceLabels } : {}),
  };
}

function fault({ delay, abort }: NonNullable<RouteRuleSpec["httpFault"]>): object {
  const percentage = (percent: number | undefined) => ({ percentage: { value: percent ?? 100 } });
  return {
    ...(delay ? { delay: { ...percentage(delay.percent), fixedDelay: delay.fixedDelay } } : {}),
    ...(abort ? { abort: { ...percentage(abort.percent), httpStatus: abort.httpStatus } } : {}),
  };
}
