import type { StringMatch } from "#api/istio/string-match.ts";
import type { HTTPMatchRequest, HTTPRoute, RouteDestination, VirtualService } from "#api/istio/virtual-service.ts";
import { resolveShortName } from "#model/host.ts";
import type { Naming } from "./naming.ts";
import type { Subsets } from "./subsets.ts";

/** The service that is looked at. */
export interface Called {
  readonly name: string;
  readonly namespace: string;
}

/** Any domain will do: hosts are compared without theirs. */
const domain = "cluster.local";

function leadsTo(host: string, { metadata }: VirtualService, { name, namespace }: Called): boolean {
  const full = resolveShortName(host, metadata.namespace ?? "", domain);
  return full === `${name}.${namespace}` || full.startsWith(`${name}.${namespace}.svc.`);
}

interface Verdict {
  readonly reaches: boolean;
  /** What there is to say of it. */
  readonly facts: readonly string[];
}

/** Which rules of a VirtualService lead to the pods, and when. Istio: printVirtualService. */
export function virtualServiceLines(
  rule: VirtualService,
  service: Called,
  subsets: Subsets,
  hasDestinationRule: boolean,
  name: Naming,
): string[] {
  const { http = [], tcp = [], tls = [] } = rule.spec;
  const verdicts = [
    ...http.map((route) => httpVerdict(rule, route, service, subsets, hasDestinationRule)),
    ...[...tcp, ...tls].map(
      ({ route = [] }): Verdict => ({
        reaches: route.some(({ destination }: RouteDestination) => leadsTo(destination.host, rule, service)),
        facts: [],
      }),
    ),
  ];
  const lines = [`VirtualService: ${name(rule)}`];
  const reaching = verdicts.filter(({ reaches }) => reaches);
  const notes = verdicts.filter(({ reaches }) => !reaches).flatMap(({ facts }) => facts);
  const facts = reaching.flatMap((verdict) => verdict.facts);
  lines.push(...facts.map((fact) => `   ${fact}`));
  if (reaching.length === 0) {
    const counted = http.length > 0 ? `${http.length} HTTP` : `${tcp.length + tls.length} TCP`;
    lines.push(`   WARNING: No destinations match pod subsets (checked ${counted} routes)`);
    return [...lines, ...notes.map((note) => `      ${note}`)];
  }
  const others = verdicts.length - reaching.length;
  if (others > 0) {
    lines.push(`   ${others} additional destination(s) that will not reach this pod`);
    if (facts.length === 0) lines.push(...notes.map((note) => `      ${note}`));
  } else if (facts.length === 0) {
    if (http.length > 0) lines.push(`   ${http.length} HTTP route(s)`);
    if (tcp.length + tls.length > 0) lines.push(`   ${tcp.length + tls.length} TCP route(s)`);
  }
  return lines;
}

function httpVerdict(
  rule: VirtualService,
  { route = [], match = [], fault }: HTTPRoute,
  service: Called,
  { matching, others }: Subsets,
  hasDestinationRule: boolean,
): Verdict {
  const facts: string[] = [];
  const notes: string[] = [];
  let reaches = false;
  for (const { destination, weight = 0 } of route) {
    const { host, subset = "" } = destination;
    const share = weight > 0 ? ` with weight ${weight}%` : "";
    if (!leadsTo(host, rule, service)) {
      if (share) facts.push(`Route to host "${host}"${share}`);
    } else if (subset === "" || matching.includes(subset)) {
      reaches = true;
      if (share) facts.push(`Route to host "${host}"${subset ? ` subset "${subset}"` : ""}${share}`);
    } else if (others.includes(subset)) {
      notes.push(`Route to non-matching subset ${subset} for (${matches(match)})`);
    } else {
      const why = hasDestinationRule ? "; check its DestinationRule" : ", as NO DESTINATION RULE defines subsets";
      notes.push(`Warning: Route to UNKNOWN subset ${subset}${why}`);
    }
  }
  if (!reaches) return { reaches, facts: notes };
  const conditions = [
    ...(fault ? [`Fault injection ${Object.keys(fault).join(" and ")}`] : []),
    ...match.map(condition),
  ];
  return { reaches, facts: conditions.length > 0 ? [...facts, conditions.join(", ")] : facts };
}

function matches(match: readonly HTTPMatchRequest[]): string {
  return match.length === 0 ? "everything" : match.map(condition).join(", ");
}

function condition({ uri, ignoreUriCase, headers }: HTTPMatchRequest): string {
  const parts = [
    "Match:",
    ...(uri ? [text(uri)] : []),
    ...(uri && ignoreUriCase ? ["uncased"] : []),
    ...(Object.keys(headers ?? {}).length > 0
      ? [
          `when headers are ${Object.entries(headers ?? {})
            .map(([key, value]) => `${key}=${text(value)}`)
            .join("; ")}`,
        ]
      : []),
  ];
  return parts.join(" ");
}

function text({ exact, prefix, regex }: StringMatch): string {
  return exact ?? (prefix === undefined ? `regex ${regex ?? ""}` : `${prefix}*`);
}
