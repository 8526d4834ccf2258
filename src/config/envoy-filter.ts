import type { EnvoyFilterSpec } from "#api/istio/envoy-filter.ts";
import { checkEnvoyFilter } from "./envoy-filter-rules.ts";
import type { IstioKind } from "./kind.ts";
import { countOf, integer, list, map, object, oneOf, open, resource, ruled, text } from "./schema/build.ts";
import { port, selectorLabels, unsigned } from "./schema/traffic.ts";
import { schemaKind } from "./schema-kind.ts";

const filter = object(
  {
    name: text("Name of the filter."),
    subFilter: object({ name: text("Name of the filter.") }, { description: "A filter in it, for HTTP_FILTER." }),
  },
  { description: "A filter of the chain." },
);

const listener = object(
  {
    portNumber: unsigned("Port of the service, or of the gateway."),
    portName: text("Not used."),
    filterChain: object(
      {
        name: text("Name of the chain."),
        sni: text("A server name that the chain takes."),
        transportProtocol: text("`raw_buffer` or `tls`."),
        applicationProtocols: text("Protocols that the chain takes, separated by commas."),
        filter,
        destinationPort: unsigned("The port in the chain's own condition."),
        transportSocket: text("Not used."),
      },
      { description: "A chain of the listener." },
    ),
    listenerFilter: text("Name of a listener filter."),
    name: text("Name of the listener."),
  },
  { description: "The listeners that a patch is for." },
);

const routeConfiguration = object(
  {
    portNumber: unsigned("Port of the service, or of the gateway's server."),
    portName: text("Name of the server's port; for gateways."),
    gateway: text("Namespace and name of the Gateway."),
    vhost: object(
      {
        name: text("`host:port`."),
        domainName: text("One of the domains."),
        route: object(
          {
            name: text("Name of the route."),
            action: oneOf(["ANY", "ROUTE", "REDIRECT", "DIRECT_RESPONSE"], "What the route does."),
          },
          { description: "A route of it." },
        ),
      },
      { description: "A virtual host of the table." },
    ),
    name: text("Name of the route table."),
  },
  { description: "The route tables that a patch is for." },
);

const cluster = object(
  {
    portNumber: unsigned("Port of the service."),
    service: text("Host name of the service."),
    subset: text("Subset of the service."),
    name: text("Name of the cluster; if it is set, nothing else counts."),
  },
  { description: "The clusters that a patch is for." },
);

const waypoint = object(
  { filter, portNumber: port("Port of the service."), route: object({ name: text("Name of the route.") }) },
  { description: "Not used: there are no waypoints." },
);

const match = object(
  {
    context: oneOf(
      ["ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "WAYPOINT"],
      "Which part of a proxy's configuration.",
    ),
    proxy: object(
      {
        proxyVersion: text("Regular expression (RE2) for the version of the proxy."),
        metadata: map(text(), "Metadata that the proxy must have."),
      },
      { description: "The proxies that a patch is for." },
    ),
    listener,
    routeConfiguration,
    cluster,
    waypoint,
  },
  { description: "Where the patch is applied: everywhere unless set." },
);

const patch = object(
  {
    operation: oneOf(
      [
        "INVALID",
        "MERGE",
        "ADD",
        "REMOVE",
        "INSERT_BEFORE",
        "INSERT_AFTER",
        "INSERT_FIRST",
        "REPLACE",
        "MERGE_AND_REPLACE_LIST",
      ],
      "How the patch is applied.",
    ),
    value: open("The object in JSON, as Envoy's documentation writes it."),
    filterClass: oneOf(["UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"], "Where an added HTTP filter goes."),
  },
  { description: "What is changed." },
);

const spec = object(
  {
    workloadSelector: object(
      { labels: selectorLabels(256) },
      { description: "The workloads whose proxies are patched: all of the namespace unless set." },
    ),
    targetRefs: list(
      object(
        {
          group: text("Group of the resource.", { maxLength: 253 }),
          kind: text("Kind of the resource.", { minLength: 1, maxLength: 63 }),
          name: text("Name of the resource.", { minLength: 1, maxLength: 253 }),
          namespace: ruled(text("Must be left out."), { "self == ''": "must be left out: it is the resource's own" }),
        },
        { required: ["kind", "name"] },
      ),
      "Gateways of the Gateway API whose proxies are patched.",
      { maxItems: 16 },
    ),
    configPatches: list(
      object({
        applyTo: oneOf(
          [
            "INVALID",
            "LISTENER",
            "FILTER_CHAIN",
            "NETWORK_FILTER",
            "HTTP_FILTER",
            "ROUTE_CONFIGURATION",
            "VIRTUAL_HOST",
            "HTTP_ROUTE",
            "CLUSTER",
            "EXTENSION_CONFIG",
            "BOOTSTRAP",
            "LISTENER_FILTER",
          ],
          "What is patched.",
        ),
        match: ruled(match, {
          "(has(self.context) && self.context == 'WAYPOINT') == has(self.waypoint)":
            "waypoint goes with the context WAYPOINT, and with nothing else",
          [`${countOf(["has(self.listener)", "has(self.routeConfiguration)", "has(self.cluster)", "has(self.waypoint)"])} <= 1`]:
            "only one of listener, routeConfiguration, cluster and waypoint can be set",
        }),
        patch,
      }),
      "The patches, applied in their order.",
    ),
    priority: integer("Patches are applied from the lowest priority to the highest; 0 unless set.", {
      minimum: -2147483648,
      maximum: 2147483647,
    }),
  },
  { description: "Patches to the configuration that is made for Envoy." },
);

export const envoyFilterKind: IstioKind = schemaKind<EnvoyFilterSpec>(
  {
    kind: "EnvoyFilter",
    plural: "envoyfilters",
    singular: "envoyfilter",
    shortNames: [],
    group: "networking.istio.io",
    versions: [{ name: "v1alpha3", served: true, storage: true }],
    scope: "Namespaced",
    printerColumns: [],
    schema: resource(
      ruled(spec, {
        "!has(self.workloadSelector) || !has(self.targetRefs)":
          "only one of targetRefs and workloadSelector can be set",
      }),
    ),
  },
  checkEnvoyFilter,
);
