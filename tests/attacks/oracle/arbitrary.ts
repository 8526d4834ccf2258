import type { Arbitrary } from "fast-check";
import * as fc from "fast-check";
import type { AuthorizationPolicy, AuthorizationPolicySpec } from "#api/istio/authorization-policy.ts";
import type { MutualTLS, PeerAuthentication } from "#api/istio/peer-authentication.ts";
import type { Circumstances } from "./decide.ts";
import type { Call, Connection, HttpRequest, Identity, Token } from "./request.ts";

type Rule = NonNullable<AuthorizationPolicySpec["rules"]>[number];

/** A workload with its policies, and calls of it. */
export interface Scenario {
  readonly circumstances: Circumstances;
  readonly policies: readonly AuthorizationPolicy[];
  readonly calls: readonly Call[];
}

export interface Ports {
  readonly http: number;
  readonly tcp: number;
}

/** Small pools, so that what is asked for and what comes often meet. */
const of = <T>(...values: readonly T[]): Arbitrary<T> => fc.constantFrom(...values);
const some = <T>(values: Arbitrary<T>): Arbitrary<T[]> => fc.uniqueArray(values, { minLength: 1, maxLength: 3 });

const root = "istio-system";
const workloadNamespace = "shop";
const trustDomain = "cluster.local";
const alias = "old.domain";
export const issuers = ["issuer-a.example.com", "issuer-b.example.com"] as const;

const patterns = {
  principal: of(
    "*",
    "cluster.local/ns/bank/sa/teller",
    "cluster.local/ns/shop/*",
    "*/sa/web",
    "old.domain/ns/bank/sa/teller",
    "cluster.local/ns/bank*",
    "other.domain/ns/bank/sa/teller",
    "*teller",
  ),
  requestPrincipal: of(
    "*",
    "issuer-a.example.com/alice",
    "issuer-a.example.com/*",
    "*/bob",
    "issuer-b.example.com/ali*",
    "*ob",
  ),
  namespace: of("bank", "shop", "b*", "*op", "*", "ban"),
  serviceAccount: of("teller", "web", "bank/teller", "shop/web", "bank/web"),
  ip: of("127.0.0.2", "127.0.0.0/30", "127.0.0.0/8", "127.0.1.0/24", "10.0.0.0/8", "0.0.0.0/0"),
  remoteIp: of("127.0.0.2", "127.0.0.0/8", "10.1.2.3", "10.0.0.0/8", "192.0.2.0/24"),
  host: of(
    "web.example.com",
    "WEB.Example.com",
    "*.example.com",
    "*.EXAMPLE.com",
    "web.*",
    "web.example.com:*",
    "*:8080",
    "other.org",
    "*",
  ),
  method: of("GET", "POST", "P*", "*T", "*", "DELETE"),
  path: of(
    "/admin",
    "/admin*",
    "/admin/*",
    "*/users",
    "*",
    "/public/*",
    "/",
    "*.txt",
    "/ADMIN",
    "/{*}/users",
    "/public/{**}",
    "/{*}",
    "/public/{*}/b",
    "/{**}",
    "/admin/{*}",
    "/public/{**}/",
  ),
  text: of("red", "blue", "re*", "*ue", "*", "red,blue"),
  audience: of("web", "api", "w*", "*"),
  sni: of("web.example.com", "*.example.com", "outbound_.80_*", "*"),
  group: of("admin", "dev", "ad*", "*"),
};

/** An object with one to `most` of these fields. */
function partOf(
  fields: Readonly<Record<string, Arbitrary<unknown>>>,
  most: number,
): Arbitrary<Record<string, unknown>> {
  return fc
    .uniqueArray(fc.constantFrom(...Object.keys(fields)), { minLength: 1, maxLength: most })
    .chain((names) =>
      fc.record(Object.fromEntries(names.map((name) => [name, fields[name] ?? fc.constant(undefined)]))),
    );
}

/** `field` and `notField`. */
function both(name: string, values: Arbitrary<string>): Record<string, Arbitrary<string[]>> {
  const negated = `not${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  return { [name]: some(values), [negated]: some(values) };
}

const source = partOf(
  {
    ...both("principals", patterns.principal),
    ...both("requestPrincipals", patterns.requestPrincipal),
    ...both("namespaces", patterns.namespace),
    ...both("serviceAccounts", patterns.serviceAccount),
    ...both("ipBlocks", patterns.ip),
    ...both("remoteIpBlocks", patterns.remoteIp),
  },
  2,
  // Istio: accounts can't be set together with principals or namespaces.
).filter(
  (part) =>
    !/serviceAccounts/i.test(Object.keys(part).join()) ||
    !/(principals|namespaces)/i.test(
      Object.keys(part)
        .join()
        .replace(/request/gi, ""),
    ),
);

function condition({ http, tcp }: Ports): Arbitrary<unknown> {
  const keyed = (key: string, values: Arbitrary<string>): Arbitrary<unknown> =>
    partOf({ values: some(values), notValues: some(values) }, 2).map((part) => ({ key, ...part }));
  return fc.oneof(
    keyed("request.headers[x-color]", patterns.text),
    keyed("request.headers[X-Color]", patterns.text),
    keyed("source.ip", patterns.ip),
    keyed("remote.ip", patterns.remoteIp),
    keyed("source.namespace", patterns.namespace),
    keyed("source.principal", patterns.principal),
    keyed("source.serviceAccount", patterns.serviceAccount),
    keyed("request.auth.principal", patterns.requestPrincipal),
    keyed("request.auth.audiences", patterns.audience),
    keyed("request.auth.presenter", of("portal", "*", "por*")),
    keyed("request.auth.claims[groups]", patterns.group),
    keyed("request.auth.claims[realm][roles]", patterns.group),
    keyed("request.auth.claims[scope]", of("read", "write", "*", "read write")),
    keyed("destination.ip", of("127.0.0.1", "127.0.2.0/24", "127.0.0.0/8", "10.0.0.1")),
    keyed("destination.port", of(String(http), String(tcp), "1")),
    keyed("connection.sni", patterns.sni),
  );
}

function rule(ports: Ports): Arbitrary<Rule> {
  const operation = partOf(
    {
      ...both("hosts", patterns.host),
      ...both("methods", patterns.method),
      ...both("paths", patterns.path),
      ...both("ports", of(String(ports.http), String(ports.tcp), "1")),
    },
    3,
  );
  const list = <T>(name: string, item: Arbitrary<T>, most: number): Arbitrary<object> =>
    fc.array(item, { maxLength: most }).map((items) => (items.length > 0 ? { [name]: items } : {}));
  return fc
    .tuple(
      list(
        "from",
        source.map((value) => ({ source: value })),
        2,
      ),
      list(
        "to",
        operation.map((value) => ({ operation: value })),
        2,
      ),
      list("when", condition(ports), 2),
    )
    .map((parts) => Object.assign({}, ...parts) as Rule);
}

function policies(ports: Ports): Arbitrary<AuthorizationPolicy[]> {
  const action = fc.oneof(
    { arbitrary: of("ALLOW", undefined), weight: 5 },
    { arbitrary: of("DENY"), weight: 4 },
    { arbitrary: of("AUDIT"), weight: 1 },
  );
  const one = fc.record({
    action,
    namespace: fc.oneof(
      { arbitrary: of(workloadNamespace), weight: 6 },
      { arbitrary: of(root), weight: 2 },
      of("bank"),
    ),
    dryRun: fc.integer({ min: 0, max: 7 }).map((number) => number === 0),
    selector: fc.oneof(
      { arbitrary: of(undefined), weight: 5 },
      { arbitrary: of({ matchLabels: { app: "web" } }), weight: 2 },
      of({ matchLabels: { app: "other" } }),
    ),
    rules: fc.array(rule(ports), { minLength: 1, maxLength: 3 }),
    isEmpty: fc.integer({ min: 0, max: 15 }).map((number) => number === 0),
  });
  return fc.array(one, { minLength: 1, maxLength: 4 }).map((list) =>
    list.map(
      ({ action, namespace, dryRun, selector, rules, isEmpty }, index): AuthorizationPolicy => ({
        apiVersion: "security.istio.io/v1",
        kind: "AuthorizationPolicy",
        metadata: {
          name: `policy-${index}`,
          namespace,
          creationTimestamp: "2026-01-01T00:00:00Z",
          ...(dryRun && action !== "AUDIT" ? { annotations: { "istio.io/dry-run": "true" } } : {}),
        },
        spec: {
          ...(action ? { action } : {}),
          ...(selector ? { selector } : {}),
          ...(isEmpty && (action ?? "ALLOW") === "ALLOW" ? {} : { rules }),
        } as AuthorizationPolicySpec,
      }),
    ),
  );
}

/** Policies of the mesh, the namespace and the workload; the younger of two doesn't count. */
function peerAuthentications({ http, tcp }: Ports): Arbitrary<PeerAuthentication[]> {
  const mode = of<NonNullable<MutualTLS["mode"]>>("UNSET", "DISABLE", "PERMISSIVE", "STRICT");
  const mtls = fc.oneof({ arbitrary: mode.map((value) => ({ mode: value })), weight: 5 }, of(undefined));
  const one = fc.record({
    place: of("mesh", "namespace", "workload", "workload", "elsewhere"),
    mtls,
    ports: fc.option(
      fc.dictionary(
        of(String(http), String(tcp), "1"),
        mtls.map((value) => value ?? {}),
        { minKeys: 1 },
      ),
      {
        nil: undefined,
      },
    ),
    year: fc.integer({ min: 2020, max: 2026 }),
  });
  return fc.uniqueArray(one, { maxLength: 4, selector: ({ year }) => year }).map((list) =>
    list.map(({ place, mtls: wanted, ports, year }, index): PeerAuthentication => {
      const isOwn = place === "workload" || place === "elsewhere";
      const app = place === "workload" ? "web" : "other";
      return {
        apiVersion: "security.istio.io/v1",
        kind: "PeerAuthentication",
        metadata: {
          name: `peer-${index}`,
          namespace: place === "mesh" ? root : workloadNamespace,
          creationTimestamp: `${year}-01-01T00:00:00Z`,
        },
        spec: {
          ...(isOwn ? { selector: { matchLabels: { app } } } : {}),
          ...(wanted ? { mtls: wanted } : {}),
          ...(isOwn && ports ? { portLevelMtls: ports } : {}),
        },
      };
    }),
  );
}

const identity: Arbitrary<Identity> = fc.record({
  trustDomain: fc.oneof({ arbitrary: of(trustDomain), weight: 4 }, of(alias)),
  namespace: of("bank", "shop", "bankrupt"),
  serviceAccount: of("teller", "web"),
});

const claims: Arbitrary<Record<string, unknown>> = fc
  .record(
    {
      iss: of(...issuers),
      sub: of("alice", "bob"),
      aud: of<unknown>("web", ["web", "api"], "else"),
      azp: of("portal", "else"),
      groups: of<unknown>("admin", ["dev", "admin"], ["ops"], []),
      realm: of<unknown>({ roles: ["admin"] }, { roles: "dev" }, {}),
      scope: of("read", "read write", "none"),
    },
    { requiredKeys: ["iss", "sub"] },
  )
  .map((value) => ({ ...value }));

const token: Arbitrary<Token> = fc.record({
  state: fc.oneof({ arbitrary: of("valid" as const), weight: 8 }, of("expired" as const), of("forged" as const)),
  claims,
});

/** Several ways to say the same path, and some to say another than it seems. */
const target = of(
  "/",
  "/admin",
  "/admin/",
  "/admin/users",
  "/public/a",
  "/public/a/b",
  "/public/",
  "/public",
  "/a/x.txt",
  "/x",

  "//admin",
  "/public/../admin",
  "/public/%2e%2E/admin",
  "/%61dmin",
  "/admin%2fusers",
  "/admin%5Cusers",
  "/admin\\users",

  "/./admin",
  "/ADMIN",
  "/admin;x=1",
  "/admin?x=/public/a",
  "/public//../admin",
  "/%2fadmin",
  "/public/a/..",
  "/../admin",
  "/admin%00",
  "/public/%252e%252e/admin",
  "/admin/.",
  "/public/%2fa",
  "/?/admin",
  "/admin%3fx",
  "/admin//users",
);

const http: Arbitrary<HttpRequest> = fc
  .record({
    method: fc.oneof({ arbitrary: of("GET", "POST", "PUT", "DELETE", "OPTIONS"), weight: 30 }, of("get", "Post")),
    target,
    host: of("web.example.com", "WEB.example.COM", "web.example.com:8080", "other.org", "admin.example.com"),
    colors: of<readonly string[]>([], ["red"], ["blue"], ["red", "blue"]),
    colorName: of("x-color", "X-COLOR"),
    forwarded: fc.option(of("10.1.2.3", "10.1.2.3, 192.0.2.7", "192.0.2.7,10.1.2.3"), { nil: undefined }),
    token: fc.option(token, { nil: undefined }),
  })
  .map(({ method, target, host, colors, colorName, forwarded, token }) => ({
    method,
    target,
    host,
    headers: [
      ...colors.map((color) => [colorName, color] as const),
      ...(forwarded === undefined ? [] : [["X-Forwarded-For", forwarded] as const]),
    ],
    ...(token ? { token } : {}),
  }));

function call({ http: httpPort, tcp }: Ports): Arbitrary<Call> {
  const connection = (port: number): Arbitrary<Connection> =>
    fc
      .record({
        identity: fc.option(identity, { nil: undefined, freq: 3 }),
        sourceIp: of("127.0.0.2", "127.0.0.9", "127.0.1.5"),
        destinationIp: of("127.0.0.1", "127.0.2.1"),
        sni: of("web.example.com", "outbound_.80_._.web.shop.svc.cluster.local"),
      })
      .map(({ identity, sni, ...addresses }) => ({ port, ...addresses, ...(identity ? { identity, sni } : {}) }));
  return fc.oneof(
    { arbitrary: fc.record({ connection: connection(httpPort), http }), weight: 9 },
    fc.record({ connection: connection(tcp) }),
  );
}

/** A workload that listens on these ports, in namespace `shop` with the label `app: web`. */
export function scenario(ports: Ports, calls: number): Arbitrary<Scenario> {
  const circumstances: Arbitrary<Circumstances> = fc.record({
    rootNamespace: of(root),
    trustDomain: of(trustDomain),
    trustDomainAliases: of([alias]),
    namespace: of(workloadNamespace),
    labels: of({ app: "web" }),
    pathNormalization: fc.oneof(
      { arbitrary: of("BASE" as const), weight: 3 },
      of("NONE" as const, "MERGE_SLASHES" as const, "DECODE_AND_MERGE_SLASHES" as const),
    ),
    issuers: of<readonly string[]>([], [issuers[0]], issuers),
    peerAuthentications: fc.oneof(of([]), { arbitrary: peerAuthentications(ports), weight: 2 }),
  });
  return fc.record({
    circumstances,
    policies: policies(ports),
    calls: fc.array(call(ports), { minLength: calls, maxLength: calls }),
  });
}
