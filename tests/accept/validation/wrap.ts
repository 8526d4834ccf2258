/** A piece of a resource, as a table of cases has it. */
export type Piece = Readonly<Record<string, unknown>>;

/** The smallest whole resource that a piece can be judged in. */
export interface Wrapped {
  readonly kind: string;
  readonly spec: unknown;
  readonly metadata?: Piece;
}

const route = [{ destination: { host: "reviews" } }];

function http(fields: Piece, others: Piece = {}): Wrapped {
  return { kind: "VirtualService", spec: { hosts: ["reviews"], http: [{ route, ...fields }], ...others } };
}

function policy(trafficPolicy: unknown): Wrapped {
  return { kind: "DestinationRule", spec: { host: "reviews", trafficPolicy } };
}

function server(fields: Piece): Wrapped {
  return { kind: "Gateway", spec: { servers: [{ hosts: ["a.example"], port: { ...https }, ...fields }] } };
}

const https = { number: 443, name: "https", protocol: "HTTPS" };

function given(name: string, value: unknown): Piece {
  return value === null || value === undefined ? {} : { [name]: value };
}

/** How the cases of an upstream test function are put into a resource. */
export const wrappers: Readonly<Record<string, (one: Piece) => Wrapped>> = {
  TestValidateGateway: (one) => ({ kind: "Gateway", spec: one["in"] }),
  TestValidateK8sGateway: (one) => ({
    kind: "Gateway",
    spec: one["in"],
    metadata: { annotations: { "internal.istio.io/gateway-semantics": "gateway" } },
  }),
  TestValidateServer: (one) => ({ kind: "Gateway", spec: { servers: [one["in"]] } }),
  TestValidateServerPort: (one) => ({
    kind: "Gateway",
    spec: { servers: [{ hosts: ["a.example"], port: one["in"], bind: one["bind"] }] },
  }),
  TestValidateTlsOptions: (one) => server({ tls: one["in"] }),
  TestStrictValidateHTTPHeaderName: (one) => http({ corsPolicy: { allowHeaders: [one["name"]] } }),
  TestValidateHTTPHeaderName: (one) => http({ match: [{ headers: { [String(one["name"])]: { exact: "x" } } }] }),
  TestValidateHTTPHeaderValue: (one) => http({ headers: { request: { set: { "x-header": one["input"] } } } }),
  TestValidateCORSPolicy: (one) => http({ corsPolicy: one["in"] }),
  TestValidateHTTPStatus: (one) => http({ fault: { abort: { httpStatus: one["in"] } } }),
  TestValidateHTTPFaultInjectionAbort: (one) =>
    http({ fault: { delay: { fixedDelay: "1s" }, ...given("abort", one["in"]) } }),
  TestValidateHTTPFaultInjectionDelay: (one) => http({ fault: { delay: one["in"] } }),
  TestValidateHTTPRetry: (one) => http({ retries: one["in"] }),
  TestValidateHTTPRewrite: (one) => http(given("rewrite", one["in"])),
  TestValidateUriRegexRewrite: (one) => http({ rewrite: { ...given("uriRegexRewrite", one["in"]), authority: "a" } }),
  TestValidatePortName: (one) => server({ port: { ...https, name: one["name"] }, tls: { mode: "PASSTHROUGH" } }),
  TestValidateHTTPRedirect: (one) => http({ route: undefined, redirect: one["redirect"] }),
  TestValidateHTTPDirectResponse: (one) =>
    one["directResponse"] === null
      ? http({})
      : http({ route: undefined, directResponse: inBase64(one["directResponse"]) }),
  TestValidateDestination: (one) => http({ route: [{ destination: one["destination"] }] }),
  TestValidateRouteDestination: (one) => ({
    kind: "VirtualService",
    spec: { hosts: ["reviews"], tcp: [{ route: one["routes"] }] },
  }),
  TestValidateHTTPRoute: (one) => http({ route: undefined, ...(one["route"] as Piece) }),
  TestValidateRootHTTPRoute: (one) => http({ route: undefined, ...(one["route"] as Piece) }),
  TestValidateDelegateHTTPRoute: (one) => ({ kind: "VirtualService", spec: { http: [one["route"]] } }),
  TestValidateVirtualService: (one) => ({ kind: "VirtualService", spec: one["in"] }),
  TestValidateChainingVirtualService: (one) => ({ kind: "VirtualService", spec: one["in"] }),
  TestValidateDestinationRule: (one) => ({ kind: "DestinationRule", spec: one["in"] }),
  TestValidateTrafficPolicy: (one) => policy(one["in"]),
  TestValidateConnectionPool: (one) => policy({ connectionPool: one["in"] }),
  TestValidateLoadBalancer: (one) => policy({ loadBalancer: one["in"] }),
  TestValidateOutlierDetection: (one) => policy({ outlierDetection: one["in"] }),
  Test_validateExportTo: (one) => exported(one),
  TestValidateWorkloadEntry: (one) => ({ kind: "WorkloadEntry", spec: one["in"] }),
  TestValidateWorkloadGroup: (one) => ({ kind: "WorkloadGroup", spec: one["in"] }),
  TestValidateServiceEntries: (one) => ({ kind: "ServiceEntry", spec: one["in"], ...given("metadata", labels(one)) }),
  TestValidateAuthorizationPolicy: (one) => ({
    kind: "AuthorizationPolicy",
    spec: one["in"],
    metadata: given("annotations", one["annotations"]),
  }),
  TestValidateSidecar: (one) => ({ kind: "Sidecar", spec: one["in"] }),
  TestValidateRequestAuthentication: (one) => named("RequestAuthentication", one),
  TestValidatePeerAuthentication: (one) => named("PeerAuthentication", one),
  TestValidateTelemetry: (one) => ({ kind: "Telemetry", spec: one["in"] }),
  TestValidateTelemetryFilter: (one) => ({
    kind: "Telemetry",
    spec: { accessLogging: [{ filter: one["filter"] }] },
  }),
  TestValidateProxyConfig: (one) => ({ kind: "ProxyConfig", spec: one["in"] }),
  TestValidateWasmPlugin: (one) => ({ kind: "WasmPlugin", spec: one["in"] }),
};

function exported(one: Piece): Wrapped {
  const exportTo = given("exportTo", one["exportTo"]);
  const metadata = { namespace: one["namespace"] };
  if (one["isServiceEntry"]) {
    const entry = { hosts: ["a.example"], ports: [{ number: 80, name: "http", protocol: "HTTP" }], resolution: "DNS" };
    return { kind: "ServiceEntry", spec: { ...entry, ...exportTo }, metadata };
  }
  const selector = one["isDestinationRuleWithSelector"] ? { workloadSelector: { matchLabels: { app: "a" } } } : {};
  return { kind: "DestinationRule", spec: { host: "reviews", ...exportTo, ...selector }, metadata };
}

function labels(one: Piece): Piece | undefined {
  return one["labels"] === undefined ? undefined : { labels: one["labels"] };
}

function named(kind: string, one: Piece): Wrapped {
  return { kind, spec: one["in"], metadata: { name: one["configName"] } };
}

/** The tables have a body of bytes as text, a resource has it in base64. */
function inBase64(directResponse: unknown): unknown {
  const { body, ...rest } = directResponse as { body?: { bytes?: string } };
  if (body?.bytes === undefined) return directResponse;
  return { ...rest, body: { bytes: Buffer.from(body.bytes).toString("base64") } };
}
