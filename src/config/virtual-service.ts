import type { VirtualServiceSpec } from "#api/istio/virtual-service.ts";
import type { IstioKind } from "./kind.ts";
import { bool, decimal, duration, integer, list, map, object, oneOf, resource, text } from "./schema/build.ts";
import type { JsonSchema } from "./schema/json-schema.ts";
import { destination, exportTo, labels, unsigned } from "./schema/traffic.ts";
import { schemaKind } from "./schema-kind.ts";
import { checkVirtualService } from "./virtual-service-rules.ts";

export const retries: JsonSchema = object(
  {
    attempts: integer("Most tries after the first; 0 switches retries off."),
    perTryTimeout: duration("How long each try may take."),
    retryOn: text("Conditions and status codes to retry on, with commas."),
    retryRemoteLocalities: bool("Whether retries may go to other localities."),
    retryIgnorePreviousHosts: bool("Whether retries avoid hosts that failed."),
    backoff: duration("Shortest pause between tries."),
  },
  { description: "What happens when a request fails." },
);

const stringMatch = object({
  exact: text("The whole value."),
  prefix: text("How the value begins."),
  regex: text("An RE2 regular expression for the whole value."),
});

const percent = object({ value: decimal("From 0 to 100.") });

const headerOperations = object({
  set: map(text(), "Headers to put in place of those there."),
  add: map(text(), "Headers to add to those there."),
  remove: list(text(), "Headers to take away."),
});

const headers = object(
  { request: headerOperations, response: headerOperations },
  { description: "Changes to headers on the way to the destination and back." },
);

const sourceMatch = {
  port: unsigned("Port that the client calls."),
  sourceLabels: labels,
  sourceNamespace: text("Namespace of the client."),
  gateways: list(text(), "Gateways at which the rule is used; `mesh` means sidecars."),
};

const httpMatch = object(
  {
    name: text("Name of the match; it is added to the route's name."),
    uri: stringMatch,
    scheme: stringMatch,
    method: stringMatch,
    authority: stringMatch,
    headers: map(stringMatch, "Headers that a request must have."),
    withoutHeaders: map(stringMatch, "Headers that a request must not have."),
    queryParams: map(stringMatch, "Query parameters that a request must have."),
    ignoreUriCase: bool("Whether upper and lower case are the same in `uri`."),
    statPrefix: text("Prefix of the statistics of this route."),
    ...sourceMatch,
  },
  { description: "All conditions must hold." },
);

const httpRoute = object({
  name: text("Name of the route, for logs and traces."),
  match: list(httpMatch, "One of the matches must hold; none means every request."),
  route: list(
    object(
      {
        destination,
        weight: integer("Share of the requests, relative to the sum of all weights."),
        headers,
      },
      { required: ["destination"] },
    ),
    "Destinations that share the requests.",
  ),
  redirect: object(
    {
      uri: text("New path."),
      prefixRewrite: text("New beginning of the path."),
      authority: text("New host."),
      scheme: text("New scheme."),
      port: unsigned("New port."),
      derivePort: oneOf(["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"], "Where the new port comes from."),
      redirectCode: unsigned("Status of the answer; 301 unless set."),
    },
    { description: "Sends the client elsewhere." },
  ),
  directResponse: object(
    {
      status: unsigned("Status of the answer."),
      body: object({ string: text("Body as text."), bytes: { type: "string", format: "byte" } }),
    },
    { required: ["status"], description: "Answers without asking a destination." },
  ),
  delegate: object(
    { name: text(), namespace: text() },
    { description: "A VirtualService that continues the routing." },
  ),
  rewrite: object(
    {
      uri: text("In place of the path or prefix that matched."),
      authority: text("New Host header."),
      uriRegexRewrite: object({ match: text("RE2 expression."), rewrite: text("Replacement, with \\1 for groups.") }),
    },
    { description: "Changes the request before it is sent on." },
  ),
  timeout: duration("How long an answer may take; no limit unless set."),
  retries,
  fault: object(
    {
      delay: object({
        fixedDelay: duration("How long requests wait."),
        exponentialDelay: duration("Not used."),
        percentage: percent,
        percent: integer("Old form of `percentage`."),
      }),
      abort: object({
        httpStatus: integer("Status of the answer."),
        grpcStatus: text("gRPC status of the answer, by name."),
        http2Error: text("Not used."),
        percentage: percent,
      }),
    },
    { description: "Faults on purpose, to test clients." },
  ),
  mirror: destination,
  mirrors: list(
    object({ destination, percentage: percent }, { required: ["destination"] }),
    "Copies of requests go here too.",
  ),
  mirrorPercentage: percent,
  mirrorPercent: unsigned("Old form of `mirrorPercentage`."),
  mirror_percent: unsigned("Oldest form of `mirrorPercentage`."),
  corsPolicy: object(
    {
      allowOrigin: list(text(), "Old form of `allowOrigins`."),
      allowOrigins: list(stringMatch, "Origins that may call."),
      allowMethods: list(text(), "Methods they may use."),
      allowHeaders: list(text(), "Headers they may send."),
      exposeHeaders: list(text(), "Headers they may read."),
      maxAge: duration("How long a browser may keep the answer to a preflight."),
      allowCredentials: bool("Whether calls may carry credentials."),
      unmatchedPreflights: oneOf(["UNSPECIFIED", "FORWARD", "IGNORE"], "What happens to preflights of other origins."),
    },
    { description: "Cross-origin resource sharing." },
  ),
  headers,
});

const l4Route = list(
  object({ destination, weight: integer("Share of the connections.") }, { required: ["destination"] }),
);

const spec = object(
  {
    hosts: list(text(), "Hosts whose traffic is routed."),
    gateways: list(text(), "Where the routes are used: names of gateways, or `mesh` for all sidecars, the default."),
    http: list(httpRoute, "Routes for HTTP, in order; the first that matches is used."),
    tls: list(
      object(
        {
          match: list(
            object(
              {
                sniHosts: list(text(), "Names that the client asks for in the handshake."),
                destinationSubnets: list(text(), "Subnets of the destination."),
                ...sourceMatch,
              },
              { required: ["sniHosts"] },
            ),
          ),
          route: l4Route,
        },
        { required: ["match"] },
      ),
      "Routes for TLS that isn't opened.",
    ),
    tcp: list(
      object({
        match: list(
          object({
            destinationSubnets: list(text(), "Subnets of the destination."),
            sourceSubnet: text("Not used."),
            ...sourceMatch,
          }),
        ),
        route: l4Route,
      }),
      "Routes for everything else.",
    ),
    exportTo,
  },
  { description: "How requests and connections to some hosts are routed." },
);

export const virtualServiceKind: IstioKind = schemaKind<VirtualServiceSpec>(
  {
    kind: "VirtualService",
    plural: "virtualservices",
    singular: "virtualservice",
    shortNames: ["vs"],
    group: "networking.istio.io",
    versions: ["v1", "v1beta1", "v1alpha3"].map((name) => ({ name, served: true, storage: name === "v1" })),
    scope: "Namespaced",
    printerColumns: [
      { name: "Gateways", type: "string", jsonPath: ".spec.gateways", description: "Gateways that use these routes." },
      { name: "Hosts", type: "string", jsonPath: ".spec.hosts", description: "Hosts that are routed." },
      { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was created." },
    ],
    schema: resource(spec),
  },
  checkVirtualService,
);
