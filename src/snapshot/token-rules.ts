import type { JWTRule, RequestAuthentication } from "#api/istio/request-authentication.ts";
import { readKeySet } from "#config/key-set.ts";
import { parseDuration } from "#model/duration.ts";
import { internList } from "#model/intern.ts";
import { memo } from "#model/memo.ts";
import type { Service } from "#model/service.ts";
import { compareText } from "./config-order.ts";
import { type KeySource, keySourceOf, sourceId } from "./key-source.ts";
import type { Snapshot } from "./snapshot.ts";
import type { KeyReader, Keys, TokenKeys } from "./token-keys.ts";

/** A service of the mesh where the proxy itself reads keys. */
interface RemoteKeys {
  readonly uri: string;
  readonly hostname: string;
  readonly port: number;
  readonly timeoutMs: number;
}

/** A kind of token that a workload accepts, and the keys it is signed with. The same object as long as both are. */
export interface TokenRule {
  readonly policy: RequestAuthentication;
  readonly rule: JWTRule;
  readonly keys: Keys | RemoteKeys;
}

/**
 * The keys of rules whose own aren't known: a point of the curve P-256 for which nobody knows the private key, as its x is two
 * more than the SHA-256 of the sentence "Nobody has the key to this point." No token is valid by it. Istio: PublicOnlyJwks.
 */
export const nobodysKeys: Keys = {
  text: '{"keys":[{"kty":"EC","crv":"P-256","x":"LnDC8k1WVWfk2EECf9Zz71hChlVGl33BgBrTzGvaIZA","y":"7AWPzt8H5OsmoviRrSCuYWRa5LkpBXzmbVti2JPtLb4"}]}',
};

/** How long reading keys may take unless the rule says, and at most (ms). */
const defaultTimeout = 5_000;
const longestTimeout = 60_000;

/** The rules of these policies, by issuer. The same list as long as no rule and no keys of theirs change. */
export function tokenRules(
  snapshot: Pick<Snapshot, "input" | "services">,
  policies: readonly RequestAuthentication[],
): readonly TokenRule[] {
  const { tokenKeys } = snapshot.input;
  return policies.length === 0 ? none : resolved(policies, tokenKeys, servicesFor(tokenKeys, snapshot.services));
}

const none: readonly TokenRule[] = Object.freeze([]);
const noServices: readonly Service[] = Object.freeze([]);

/** Services decide only where Envoy reads keys. */
function servicesFor({ reader }: TokenKeys, services: readonly Service[]): readonly Service[] {
  return reader === "istiod" ? noServices : services;
}

const resolved = memo(
  (policies: readonly RequestAuthentication[], keys: TokenKeys, services: readonly Service[]): readonly TokenRule[] => {
    const rules = policies.flatMap((policy) =>
      (policy.spec.jwtRules ?? []).map((rule) => tokenRule(policy, rule, keysOf(rule, keys, services))),
    );
    return internList(rules.sort((a, b) => compareText(a.rule.issuer ?? "", b.rule.issuer ?? "")));
  },
);

const tokenRule = memo(
  (policy: RequestAuthentication, rule: JWTRule, keys: TokenRule["keys"]): TokenRule =>
    Object.freeze({ policy, rule, keys }),
);

function keysOf(rule: JWTRule, keys: TokenKeys, services: readonly Service[]): TokenRule["keys"] {
  if (rule.jwks) return ownKeys(rule);
  const remote = keys.reader === "istiod" ? undefined : remoteKeys(rule, keys.reader, services);
  if (remote !== undefined) return remote;
  const source = keySourceOf(rule);
  return (source && keys.read.get(sourceId(source))) ?? nobodysKeys;
}

const ownKeys = memo(({ jwks = "" }: JWTRule): Keys => {
  const set = readKeySet(jwks);
  return { text: typeof set === "string" ? jwks : set.text };
});

/** Istio: convertToEnvoyJwtConfig. */
function remoteKeys(rule: JWTRule, reader: KeyReader, services: readonly Service[]): RemoteKeys | undefined {
  const url = URL.parse(uriOf(rule));
  if (url === null) return undefined;
  const port = portOf(url);
  const service = byName(services).get(url.hostname);
  if (service?.ports.some((one) => one.port === port)) return remote(rule, service);
  return reader === "hybrid" ? undefined : remote(rule, nobody);
}

function uriOf({ jwksUri = "", jwks_uri = jwksUri }: JWTRule): string {
  return jwks_uri;
}

function portOf({ port, protocol }: URL): number {
  return Number(port || (protocol === "https:" ? 443 : 80));
}

function timeoutOf({ timeout = "" }: JWTRule): number {
  return Math.min(longestTimeout, parseDuration(timeout) ?? defaultTimeout);
}

/** Stands for a service that isn't there: Envoy finds no keys then. */
const nobody = { hostname: "" };

const remote = memo((rule: JWTRule, service: Pick<Service, "hostname">): RemoteKeys => {
  const url = new URL(uriOf(rule));
  const hostname = service.hostname || url.hostname;
  // Envoy takes it only in its normal form.
  return Object.freeze({ uri: url.href, hostname, port: portOf(url), timeoutMs: timeoutOf(rule) });
});

/** Services by the names that URLs may have for them: the whole one, and those of Kubernetes also without the cluster's domain. */
const byName = memo((services: readonly Service[]): ReadonlyMap<string, Service> => {
  const found = new Map<string, Service>();
  for (const service of services) {
    const short = `${service.name}.${service.namespace}`;
    const names = service.registry === "Kubernetes" ? [service.hostname, short, `${short}.svc`] : [service.hostname];
    for (const name of names) if (!found.has(name)) found.set(name, service);
  }
  return found;
});

/** Keys that istiod is to read. */
export interface WantedKeys {
  readonly source: KeySource;
  readonly timeoutMs: number;
  /** The policies that want them, as `RequestAuthentication namespace/name`. */
  readonly policies: readonly string[];
}

/** By {@link sourceId}. */
export function wantedKeys(
  snapshot: Pick<Snapshot, "input" | "services" | "inEffect">,
): ReadonlyMap<string, WantedKeys> {
  const { tokenKeys } = snapshot.input;
  const services = servicesFor(tokenKeys, snapshot.services);
  const wanted = new Map<string, { source: KeySource; timeoutMs: number; policies: string[] }>();
  for (const [key, { spec }] of snapshot.inEffect.requestAuthentications) {
    for (const rule of spec.jwtRules ?? []) {
      const source = rule.jwks ? undefined : keySourceOf(rule);
      if (source === undefined || "uri" in keysOf(rule, tokenKeys, services)) continue;
      const timeoutMs = timeoutOf(rule);
      const known = wanted.get(sourceId(source));
      if (known === undefined)
        wanted.set(sourceId(source), { source, timeoutMs, policies: [`RequestAuthentication ${key}`] });
      else {
        known.timeoutMs = Math.max(known.timeoutMs, timeoutMs);
        known.policies.push(`RequestAuthentication ${key}`);
      }
    }
  }
  return wanted;
}
