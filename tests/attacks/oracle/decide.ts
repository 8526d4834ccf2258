import type { AuthorizationPolicy, AuthorizationPolicySpec } from "#api/istio/authorization-policy.ts";
import type { PeerAuthentication } from "#api/istio/peer-authentication.ts";
import { normalizePath, type PathNormalization } from "./normalize-path.ts";
import type { Call, HttpRequest, Identity } from "./request.ts";
import { ipMatches, pathMatches, stringMatches } from "./string-match.ts";

/** The mesh and the workload that is called. */
export interface Circumstances {
  readonly rootNamespace: string;
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  readonly pathNormalization: PathNormalization;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Issuers that RequestAuthentications accept for the workload. */
  readonly issuers: readonly string[];
  readonly peerAuthentications: readonly PeerAuthentication[];
}

/**
 * `unconnected`: the connection comes to nothing. `refused`: not a request that policies are asked about (400). `unauthenticated`: a token
 * that isn't good (401).
 */
export type Decision = "allowed" | "denied" | "unauthenticated" | "refused" | "unconnected";

type Rule = NonNullable<AuthorizationPolicySpec["rules"]>[number];
type Source = NonNullable<NonNullable<NonNullable<Rule["from"]>[number]["source"]>>;
type Operation = NonNullable<NonNullable<NonNullable<Rule["to"]>[number]["operation"]>>;
type Condition = NonNullable<Rule["when"]>[number];

/** What a call says of itself, by the names of Istio's "Authorization Policy Conditions". */
interface Attributes {
  readonly circumstances: Circumstances;
  readonly call: Call;
  /** Undefined for what isn't HTTP. */
  readonly path: string | undefined;
  /** Of a token that was accepted. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

/**
 * What becomes of a call. Written from Istio's documentation of AuthorizationPolicy ("The evaluation is determined by the
 * following rules"), RequestAuthentication, and the pages on conditions and normalization; independent of the translation.
 */
export function decide(policies: readonly AuthorizationPolicy[], call: Call, circumstances: Circumstances): Decision {
  const { http, connection } = call;
  const mode = mutualTlsMode(circumstances, connection.port);
  if (mode === (connection.identity ? "DISABLE" : "STRICT")) return "unconnected";
  const path = http && normalizePath(http.target, circumstances.pathNormalization);
  // "Istio will reject requests with HTTP 400 if the verb in the HTTP request is not in upper case."
  if (http && (path === undefined || http.method !== http.method.toUpperCase())) return "refused";
  const claims = http && claimsOf(http, circumstances);
  if (claims === "bad") return "unauthenticated";
  const attributes: Attributes = { circumstances, call, path, claims };
  const effective = policies.filter((policy) => isFor(policy, circumstances) && !isDryRun(policy));
  const matching = (action: string) =>
    effective
      .filter(({ spec }) => (spec.action ?? "ALLOW") === action)
      .map((policy) => policyMatches(policy, attributes));
  if (matching("DENY").some(Boolean)) return "denied";
  const allows = matching("ALLOW");
  return allows.length === 0 || allows.some(Boolean) ? "allowed" : "denied";
}

/**
 * What a port takes in. Istio's reference of PeerAuthentication and "PeerAuthentication policy" of its concepts: what is for the workload
 * goes before what is for the namespace, that before what is for the mesh; of several for the same the oldest counts; what is unset
 * is inherited, in the end PERMISSIVE; a port goes before its workload.
 */
function mutualTlsMode({ peerAuthentications, namespace, rootNamespace, labels }: Circumstances, port: number): string {
  const oldest = (matches: (policy: PeerAuthentication) => boolean): PeerAuthentication | undefined =>
    peerAuthentications
      .filter(matches)
      .toSorted((a, b) => String(a.metadata.creationTimestamp).localeCompare(String(b.metadata.creationTimestamp)))[0];
  const own = oldest(
    ({ metadata, spec }) =>
      metadata.namespace === namespace &&
      spec.selector !== undefined &&
      Object.entries(spec.selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value),
  );
  const wide = (where: string) => oldest(({ metadata, spec }) => metadata.namespace === where && !spec.selector);
  const modes = [
    own?.spec.portLevelMtls?.[String(port)]?.mode,
    own?.spec.mtls?.mode,
    wide(namespace)?.spec.mtls?.mode,
    wide(rootNamespace)?.spec.mtls?.mode,
  ];
  return modes.find((mode) => mode !== undefined && mode !== "UNSET") ?? "PERMISSIVE";
}

/** A token that comes is checked if there is a RequestAuthentication; without a token the request goes on. */
function claimsOf({ token }: HttpRequest, { issuers }: Circumstances): Attributes["claims"] | "bad" {
  if (token === undefined || issuers.length === 0) return undefined;
  const known = issuers.includes(String(token.claims["iss"]));
  return known && token.state === "valid" ? token.claims : "bad";
}

function isFor({ metadata, spec }: AuthorizationPolicy, { namespace, rootNamespace, labels }: Circumstances): boolean {
  if (metadata.namespace !== namespace && metadata.namespace !== rootNamespace) return false;
  return Object.entries(spec.selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}

function isDryRun({ metadata }: AuthorizationPolicy): boolean {
  return metadata.annotations?.["istio.io/dry-run"] === "true";
}

function policyMatches(policy: AuthorizationPolicy, attributes: Attributes): boolean {
  return (policy.spec.rules ?? []).some((rule) => ruleMatches(rule, policy, attributes));
}

/** "A match occurs when at least one source, one operation and all conditions matches the request." */
function ruleMatches(rule: Rule, policy: AuthorizationPolicy, attributes: Attributes): boolean {
  const isTcp = attributes.call.http === undefined;
  const { from = [], to = [], when = [] } = rule;
  const sources = from.map(({ source = {} }) => source);
  const operations = to.map(({ operation = {} }) => operation);
  if (isTcp && (policy.spec.action ?? "ALLOW") === "ALLOW") {
    // "Must be used only with HTTP": a rule that asks for more than a connection has allows none.
    const uses = [...sources, ...operations].flatMap((part) => Object.keys(part));
    if (uses.some((field) => httpFields.has(field)) || when.some(({ key }) => isHttpKey(key))) return false;
  }
  // For DENY "missing attributes are treated as matches".
  const inTcp = <T extends object>(part: T): T =>
    isTcp ? (Object.fromEntries(Object.entries(part).filter(([field]) => !httpFields.has(field))) as T) : part;
  return (
    (sources.length === 0 || sources.some((source) => sourceMatches(inTcp(source), policy, attributes))) &&
    (operations.length === 0 || operations.some((operation) => operationMatches(inTcp(operation), attributes))) &&
    when.every((condition) => (isTcp && isHttpKey(condition.key)) || conditionMatches(condition, policy, attributes))
  );
}

const httpFields: ReadonlySet<string> = new Set([
  "requestPrincipals",
  "notRequestPrincipals",
  "hosts",
  "notHosts",
  "methods",
  "notMethods",
  "paths",
  "notPaths",
]);

function isHttpKey(key: string): boolean {
  return key.startsWith("request.");
}

/** One of `values`, unless there are none, and none of `notValues`. */
function holds(
  values: readonly string[] | undefined,
  notValues: readonly string[] | undefined,
  matches: (pattern: string) => boolean,
): boolean {
  return (values === undefined || values.some(matches)) && !(notValues ?? []).some(matches);
}

function sourceMatches(source: Source, policy: AuthorizationPolicy, attributes: Attributes): boolean {
  const is = (key: string) => (pattern: string) => attributeMatches(key, pattern, policy, attributes);
  return (
    holds(source.principals, source.notPrincipals, is("source.principal")) &&
    holds(source.requestPrincipals, source.notRequestPrincipals, is("request.auth.principal")) &&
    holds(source.namespaces, source.notNamespaces, is("source.namespace")) &&
    holds(source.serviceAccounts, source.notServiceAccounts, is("source.serviceAccount")) &&
    holds(source.ipBlocks, source.notIpBlocks, is("source.ip")) &&
    holds(source.remoteIpBlocks, source.notRemoteIpBlocks, is("remote.ip"))
  );
}

function operationMatches(operation: Operation, { call, path }: Attributes): boolean {
  const { connection, http } = call;
  return (
    // "The match is case-insensitive."
    holds(operation.hosts, operation.notHosts, (host) => stringMatches(host.toLowerCase(), http?.host.toLowerCase())) &&
    holds(operation.methods, operation.notMethods, (method) => stringMatches(method, http?.method)) &&
    holds(operation.paths, operation.notPaths, (pattern) => path !== undefined && pathMatches(pattern, path)) &&
    holds(operation.ports, operation.notPorts, (port) => Number(port) === connection.port)
  );
}

function conditionMatches(
  { key, values, notValues }: Condition,
  policy: AuthorizationPolicy,
  attributes: Attributes,
): boolean {
  return holds(values, notValues, (pattern) => attributeMatches(key, pattern, policy, attributes));
}

function attributeMatches(key: string, pattern: string, policy: AuthorizationPolicy, attributes: Attributes): boolean {
  const { circumstances, call, claims } = attributes;
  const { identity, sourceIp, destinationIp, port, sni } = call.connection;
  switch (key) {
    case "source.principal":
      return principalMatches(pattern, identity, circumstances);
    case "source.namespace":
      return stringMatches(pattern, identity?.namespace);
    case "source.serviceAccount": {
      // "If no namespace is given, that of the policy."
      const [namespace, account] = pattern.includes("/") ? pattern.split("/") : [policy.metadata.namespace, pattern];
      return identity?.namespace === namespace && identity?.serviceAccount === account;
    }
    case "source.ip":
      return ipMatches(pattern, sourceIp);
    case "remote.ip":
      return ipMatches(pattern, remoteIp(call));
    case "destination.ip":
      return ipMatches(pattern, destinationIp);
    case "destination.port":
      return Number(pattern) === port;
    case "connection.sni":
      return stringMatches(pattern, sni);
    case "request.auth.principal":
      return stringMatches(pattern, claims && `${String(claims["iss"])}/${String(claims["sub"])}`);
    case "request.auth.audiences":
      return claimMatches(pattern, claims?.["aud"]);
    case "request.auth.presenter":
      return claimMatches(pattern, claims?.["azp"]);
  }
  const header = /^request\.headers\[(.+)\]$/.exec(key)?.[1];
  if (header !== undefined) return headersOf(call.http, header).some((value) => stringMatches(pattern, value));
  const names = [...key.replace("request.auth.claims", "").matchAll(/\[([^\]]+)\]/g)].map(([, name = ""]) => name);
  let claim: unknown = claims;
  for (const name of names)
    claim = typeof claim === "object" && claim !== null ? (claim as Record<string, unknown>)[name] : undefined;
  // Of the names that hold several texts in one, as OAuth has them.
  const isSpaceDelimited = names.length === 1 && (names[0] === "scope" || names[0] === "permission");
  return claimMatches(pattern, isSpaceDelimited && typeof claim === "string" ? claim.split(" ") : claim);
}

/** Istio, "Trust Domain Migration": the mesh's trust domain in a policy stands for its aliases too, where the principal is whole. */
function principalMatches(pattern: string, identity: Identity | undefined, circumstances: Circumstances): boolean {
  if (identity === undefined) return false;
  const { trustDomain, trustDomainAliases } = circumstances;
  const path = `ns/${identity.namespace}/sa/${identity.serviceAccount}`;
  const own = [trustDomain, ...trustDomainAliases];
  const [asked = "", ...rest] = pattern.split("/");
  const spellings = [
    `${identity.trustDomain}/${path}`,
    ...(rest.length === 4 && own.includes(identity.trustDomain) && own.includes(asked)
      ? own.map((domain) => `${domain}/${path}`)
      : []),
  ];
  return spellings.some((spelling) => stringMatches(pattern, spelling));
}

/** A claim is text or a list of texts; a list matches if one of it does. */
function claimMatches(pattern: string, claim: unknown): boolean {
  const list = Array.isArray(claim) ? (claim as unknown[]) : [claim];
  return list.some((item) => stringMatches(pattern, typeof item === "string" ? item : undefined));
}

/**
 * Of several headers with one name each is looked at by itself. Istio's page on normalization has them joined by commas, as they were
 * until Envoy 1.37: a value that DENY asked for could be hidden behind another (CVE-2026-26308).
 */
function headersOf(http: HttpRequest | undefined, name: string): readonly string[] {
  return http?.headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value) ?? [];
}

/** "Original client IP address as determined by X-Forwarded-For header": a sidecar believes the last one in it. */
function remoteIp({ http, connection }: Call): string {
  const forwarded = headersOf(http, "x-forwarded-for").join().split(",").at(-1)?.trim();
  return forwarded || connection.sourceIp;
}
