import type { DestinationRuleSpec } from "#api/istio/destination-rule.ts";
import { checkDestinationRule } from "./destination-rule-rules.ts";
import type { IstioKind } from "./kind.ts";
import {
  bool,
  decimal,
  duration,
  durationOrZero,
  integer,
  list,
  map,
  object,
  oneOf,
  resource,
  text,
} from "./schema/build.ts";
import type { JsonSchema } from "./schema/json-schema.ts";
import { exportTo, labels, selectorLabels, unsigned } from "./schema/traffic.ts";
import { schemaKind } from "./schema-kind.ts";

const count = integer(undefined, { minimum: 0 });

const localities = {
  enabled: bool("Whether the nearest endpoints come first."),
  failover: list(object({ from: text(), to: text() }), "Where to go when a region has no healthy endpoint."),
  failoverPriority: list(text(), "Labels by which endpoints are near."),
};

export const localityLbSetting: JsonSchema = object({
  ...localities,
  distribute: list(object({ from: text(), to: map(unsigned()) }), "Shares of the traffic by locality."),
});

/** Zones by how many endpoints they have, also of the mesh as a whole. */
export const zoneAwareLbSetting: JsonSchema = object({
  ...localities,
  minClusterSize: integer("Endpoints in the region from which on zones count.", { minimum: 1 }),
});

const loadBalancer = object(
  {
    simple: oneOf(["UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"]),
    consistentHash: object(
      {
        httpHeaderName: text("Hash by this header."),
        httpCookie: object(
          {
            name: text(),
            path: text(),
            ttl: durationOrZero("Lifetime of a cookie that the proxy sets."),
            attributes: list(object({ name: text(), value: text() }, { required: ["name"] })),
          },
          { required: ["name"], description: "Hash by this cookie; it is set where it is missing." },
        ),
        useSourceIp: bool("Hash by the client's address."),
        httpQueryParameterName: text("Hash by this query parameter."),
        ringHash: object({ minimumRingSize: count }),
        maglev: object({ tableSize: count }),
        minimumRingSize: count,
      },
      { description: "The same key goes to the same endpoint." },
    ),
    localityLbSetting,
    zoneAwareLbSetting,
    warmupDurationSecs: duration("Old form of `warmup`."),
    warmup: object(
      {
        duration: duration("How long a new endpoint gets less traffic."),
        minimumPercent: decimal("Where it starts.", { minimum: 0, maximum: 100 }),
        aggression: decimal("How fast its share grows.", { minimum: 0 }),
      },
      { required: ["duration"] },
    ),
    backendUtilization: object(
      {
        errorUtilizationPenaltyPercent: count,
        metricNamesForComputingUtilization: list(text()),
        weightExpirationPeriod: duration("Without a report for so long, an endpoint has its usual weight again."),
        weightStabilizationPeriod: duration("How long an endpoint reports before it is believed."),
        weightUpdatePeriod: duration("How often weights are worked out."),
      },
      { description: "Shares by the load that endpoints report (ORCA)." },
    ),
  },
  { description: "How an endpoint is chosen." },
);

export const connectionPool: JsonSchema = object(
  {
    tcp: object({
      maxConnections: count,
      connectTimeout: duration("How long a connection may take to open."),
      idleTimeout: durationOrZero("After how long an idle connection is closed."),
      maxConnectionDuration: duration("After how long every connection is closed."),
      tcpKeepalive: object({ probes: unsigned(), time: duration(), interval: duration() }),
    }),
    http: object({
      http1MaxPendingRequests: count,
      http2MaxRequests: count,
      maxRequestsPerConnection: count,
      maxRetries: count,
      idleTimeout: duration("After how long a connection without requests is closed."),
      h2UpgradePolicy: oneOf(["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"]),
      useClientProtocol: bool("Whether the client's HTTP version is spoken on."),
      maxConcurrentStreams: count,
      http2KeepAlive: object({ interval: duration(), timeout: duration() }),
    }),
  },
  { description: "Limits on connections and requests." },
);

const outlierDetection = object(
  {
    consecutiveErrors: integer("Old form of `consecutive5xxErrors`."),
    consecutive5xxErrors: unsigned("Answers with 5xx in a row that take an endpoint out; 0 switches this off."),
    consecutiveGatewayErrors: unsigned("The same for 502, 503 and 504."),
    consecutiveLocalOriginFailures: unsigned("The same for connections that fail."),
    splitExternalLocalOriginErrors: bool("Whether failed connections are counted on their own."),
    interval: duration("Time between two looks."),
    baseEjectionTime: duration("Shortest time out; it grows with every ejection."),
    maxEjectionPercent: integer("Most endpoints that may be out.", { minimum: 0, maximum: 100 }),
    minHealthPercent: integer("Below so many healthy endpoints all are used again.", { minimum: 0, maximum: 100 }),
    outlierDetectionHttpErrorCodes: list(integer(undefined, { minimum: 100, maximum: 599 })),
  },
  { description: "Endpoints that fail are left alone for a while." },
);

const tls = object(
  {
    mode: oneOf(["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"]),
    clientCertificate: text("File with the client's certificate."),
    privateKey: text("File with the client's key."),
    caCertificates: text("File with the authorities that the server's certificate is checked with."),
    caCrl: text("File with revoked certificates."),
    credentialName: text("Secret with the same."),
    subjectAltNames: list(text(), "Names of which the server's certificate must have one."),
    sni: text("Name to ask for in the handshake."),
    insecureSkipVerify: bool("Whether any certificate is accepted."),
  },
  { description: "TLS of connections to the destination." },
);

const parts = { loadBalancer, connectionPool, outlierDetection, tls };

const trafficPolicy = object(
  {
    ...parts,
    portLevelSettings: list(
      object({ port: object({ number: unsigned() }), ...parts }),
      "Settings of single ports; they take nothing over from the others.",
      { maxItems: 4096 },
    ),
    tunnel: object(
      { protocol: text(), targetHost: text(), targetPort: unsigned() },
      { required: ["targetHost", "targetPort"] },
    ),
    proxyProtocol: object({ version: oneOf(["V1", "V2"]) }),
    retryBudget: object(
      {
        percent: decimal("Share of the requests under way that may be retries; 20 unless set.", {
          minimum: 0,
          maximum: 100,
        }),
        minRetryConcurrency: unsigned("As many retries may always be under way; 3 unless set."),
        budgetInterval: duration("Not used."),
      },
      { description: "Retries as a share of the requests." },
    ),
  },
  { description: "How traffic to the destination is treated." },
);

const spec = object(
  {
    host: text("The destination: a service, or a pattern like *.example.com."),
    trafficPolicy,
    subsets: list(
      object({ name: text(), labels, trafficPolicy }, { required: ["name"] }),
      "Parts of the destination's endpoints, by label.",
    ),
    exportTo,
    workloadSelector: object(
      { matchLabels: selectorLabels(4096) },
      { description: "Clients to which the rule applies." },
    ),
  },
  { required: ["host"], description: "What happens to traffic after it was routed." },
);

export const destinationRuleKind: IstioKind = schemaKind<DestinationRuleSpec>(
  {
    kind: "DestinationRule",
    plural: "destinationrules",
    singular: "destinationrule",
    shortNames: ["dr"],
    group: "networking.istio.io",
    versions: ["v1", "v1beta1", "v1alpha3"].map((name) => ({ name, served: true, storage: name === "v1" })),
    scope: "Namespaced",
    printerColumns: [
      { name: "Host", type: "string", jsonPath: ".spec.host", description: "The destination." },
      { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was created." },
    ],
    schema: resource(spec),
  },
  checkDestinationRule,
);
