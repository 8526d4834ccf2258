import { UsageError } from "../usage-error.ts";

/** The first API's routing resource (`config.istio.io/v1alpha2` RouteRule), as far as it can be said in today's. */
export interface RouteRule {
  readonly apiVersion: string;
  readonly kind: "RouteRule";
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: RouteRuleSpec;
}

export interface RouteRuleSpec {
  readonly destination: RuleDestination;
  /** The highest goes first. */
  readonly precedence?: number;
  readonly match?: {
    readonly source?: { readonly name?: string; readonly labels?: Labels };
    readonly request?: { readonly headers?: Readonly<Record<string, StringMatch>> };
  };
  readonly route?: readonly {
    readonly labels?: Labels;
    readonly weight?: number;
    readonly destination?: RuleDestination;
  }[];
  readonly redirect?: { readonly uri?: string; readonly authority?: string };
  readonly rewrite?: { readonly uri?: string; readonly authority?: string };
  readonly httpReqTimeout?: { readonly simpleTimeout?: { readonly timeout?: string } };
  readonly httpReqRetries?: { readonly simpleRetry?: { readonly attempts?: number; readonly perTryTimeout?: string } };
  readonly httpFault?: {
    readonly delay?: { readonly percent?: number; readonly fixedDelay?: string };
    readonly abort?: { readonly percent?: number; readonly httpStatus?: number };
  };
  readonly mirror?: RuleDestination & { readonly labels?: Labels };
  readonly appendHeaders?: Readonly<Record<string, string>>;
  readonly corsPolicy?: object;
  readonly websocketUpgrade?: boolean;
}

export interface RuleDestination {
  readonly name?: string;
  readonly namespace?: string;
  readonly domain?: string;
  /** A whole host name, instead of the three above. */
  readonly service?: string;
}

export type Labels = Readonly<Record<string, string>>;
export type StringMatch = { readonly exact?: string; readonly prefix?: string; readonly regex?: string };

const specFields = new Set([
  "destination",
  "precedence",
  "match",
  "route",
  "redirect",
  "rewrite",
  "httpReqTimeout",
  "httpReqRetries",
  "httpFault",
  "mirror",
  "appendHeaders",
  "corsPolicy",
  "websocketUpgrade",
]);

/** Checks a parsed YAML document. Throws {@link UsageError} that names resource, field and value. */
export function parseRouteRule(document: unknown, file: string): RouteRule {
  const rule = document as Partial<RouteRule> | null;
  const name = rule?.metadata?.name;
  if (rule?.kind !== "RouteRule") {
    const kind = (document as { kind?: unknown } | null)?.kind;
    throw new UsageError(
      `${file}: kind ${JSON.stringify(kind)} is not one of the first API's; use kubectl for today's resources`,
    );
  }
  if (typeof name !== "string" || name === "") throw new UsageError(`${file}: RouteRule: metadata.name is missing`);
  const at = `RouteRule ${name}`;
  const spec = rule.spec as (RouteRuleSpec & Readonly<Record<string, unknown>>) | undefined;
  if (!spec?.destination?.name && !spec?.destination?.service) {
    throw new UsageError(`${file}: ${at}: spec.destination.name is missing: it says which service the rule is for`);
  }
  for (const field of Object.keys(spec)) {
    if (!specFields.has(field)) {
      throw new UsageError(`${file}: ${at}: spec.${field} can't be translated; write a VirtualService instead`);
    }
  }
  const weights = (spec.route ?? []).map(({ weight }) => weight ?? 0);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (weights.length > 1 && sum !== 100)
    throw new UsageError(`${file}: ${at}: spec.route weights add up to ${sum}, must be 100`);
  return rule as RouteRule;
}
