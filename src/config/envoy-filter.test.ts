import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigPatch, EnvoyFilterSpec } from "#api/istio/envoy-filter.ts";
import { envoyFilterKind } from "./envoy-filter.ts";
import { formatFieldError } from "./field-error.ts";

const cluster: ConfigPatch = { applyTo: "CLUSTER", patch: { operation: "MERGE", value: { connect_timeout: "1s" } } };
const at = "spec.configPatches[0]";

function verdict(spec: unknown) {
  const { errors, warnings } = envoyFilterKind.validate({ metadata: { name: "x", namespace: "default" }, spec });
  // Every EnvoyFilter is warned of as such.
  return { errors: errors.map(formatFieldError), warnings: warnings.map(formatFieldError).slice(1) };
}

function withValue(applyTo: string, value: unknown) {
  return { configPatches: [{ applyTo, patch: { operation: "MERGE", value } }] };
}

test("every EnvoyFilter is warned of", () => {
  assert.match(
    envoyFilterKind.validate({ spec: { configPatches: [cluster] } }).warnings[0]?.message ?? "",
    /prefer other resources/,
  );
});

test("accepts a plain patch, and a filter of any type in a TypedStruct", () => {
  assert.deepEqual(verdict({ configPatches: [cluster] }), { errors: [], warnings: [] });
  const value = {
    name: "golang",
    typed_config: {
      "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
      type_url: "type.googleapis.com/envoy.extensions.filters.http.golang.v3alpha.Config",
      value: { library_id: "a" },
    },
  };
  assert.deepEqual(verdict(withValue("HTTP_FILTER", value)), { errors: [], warnings: [] });
});

const bad: readonly (readonly [string, EnvoyFilterSpec | object, string | RegExp])[] = [
  ["no applyTo", { configPatches: [{ patch: { operation: "REMOVE" } }] }, `${at}.applyTo: is required`],
  ["no patch", { configPatches: [{ applyTo: "CLUSTER" }] }, `${at}.patch: is required`],
  ["no operation", { configPatches: [{ applyTo: "CLUSTER", patch: {} }] }, `${at}.patch.operation: is required`],
  [
    "no value",
    { configPatches: [{ applyTo: "CLUSTER", patch: { operation: "ADD" } }] },
    `${at}.patch.value: is required for ADD`,
  ],
  [
    "a match of another kind",
    { configPatches: [{ ...cluster, match: { listener: {} } }] },
    `${at}.match.listener: CLUSTER is matched by cluster`,
  ],
  [
    "a subfilter of the wrong filter",
    {
      configPatches: [
        {
          applyTo: "HTTP_FILTER",
          match: { listener: { filterChain: { filter: { name: "x", subFilter: { name: "y" } } } } },
          patch: { operation: "REMOVE" },
        },
      ],
    },
    /filterChain\.filter\.name: "x": must be envoy\.filters\.network\.http_connection_manager/,
  ],
  [
    "a match for waypoints in another context",
    { configPatches: [{ ...cluster, match: { context: "GATEWAY", waypoint: {} } }] },
    /waypoint goes with the context WAYPOINT/,
  ],
  ["a bad version", { configPatches: [{ ...cluster, match: { proxy: { proxyVersion: "(" } } }] }, /proxyVersion: "\("/],
  [
    "a bad duration",
    withValue("CLUSTER", { connect_timeout: "soon" }),
    /patch\.value: google\.protobuf\.Duration: "soon"/,
  ],
  [
    "a bad number",
    withValue("LISTENER", { address: { socket_address: { port_value: "http" } } }),
    /patch\.value: envoy\.config\.core\.v3\.SocketAddress\.port_value: expected number/,
  ],
  [
    "a type of API v2",
    withValue("HTTP_FILTER", {
      name: "x",
      typed_config: { "@type": "type.googleapis.com/envoy.config.filter.http.lua.v2.Lua" },
    }),
    /the type envoy\.config\.filter\.http\.lua\.v2\.Lua is unknown: use the type of API v3/,
  ],
  [
    "an unknown type",
    withValue("HTTP_FILTER", { name: "x", typed_config: { "@type": "type.googleapis.com/acme.Filter" } }),
    /acme\.Filter is unknown: check its name; .*TypedStruct/,
  ],
  [
    "both ways to select",
    { workloadSelector: { labels: { a: "b" } }, targetRefs: [{ kind: "Gateway", name: "x" }] },
    "spec: only one of targetRefs and workloadSelector can be set",
  ],
  ["a wildcard", { workloadSelector: { labels: { a: "b*" } } }, /wildcards are not supported/],
];
for (const [name, spec, expected] of bad) {
  test(`refuses ${name}`, () => {
    const { errors } = verdict(spec);
    assert.equal(errors.length, 1, errors.join("; "));
    if (typeof expected === "string") assert.equal(errors[0], expected);
    else assert.match(errors[0] ?? "", expected);
  });
}

const doubtful: readonly (readonly [string, object, RegExp])[] = [
  [
    "an unknown field",
    withValue("CLUSTER", { conect_timeout: "1s" }),
    /key "conect_timeout" is unknown: it is left out/,
  ],
  [
    "an operation that does nothing",
    { configPatches: [{ applyTo: "ROUTE_CONFIGURATION", patch: { operation: "REMOVE" } }] },
    /has no effect on ROUTE_CONFIGURATION: use one of MERGE/,
  ],
  ["a selector without labels", { workloadSelector: {} }, /takes all workloads/],
  [
    "an extension without its type",
    withValue("HTTP_FILTER", { name: "envoy.lua" }),
    /"envoy\.lua" without typed_config/,
  ],
  [
    "an old name",
    {
      configPatches: [
        {
          applyTo: "NETWORK_FILTER",
          match: { listener: { filterChain: { filter: { name: "envoy.tcp_proxy" } } } },
          patch: { operation: "REMOVE" },
        },
      ],
    },
    /use envoy\.filters\.network\.tcp_proxy/,
  ],
  [
    "a filter where none is looked at",
    {
      configPatches: [
        {
          applyTo: "FILTER_CHAIN",
          match: { listener: { filterChain: { filter: { name: "x" } } } },
          patch: { operation: "REMOVE" },
        },
      ],
    },
    /has no effect with FILTER_CHAIN/,
  ],
];
for (const [name, spec, expected] of doubtful) {
  test(`warns of ${name}`, () => {
    const { errors, warnings } = verdict(spec);
    assert.deepEqual(errors, []);
    assert.equal(warnings.length, 1, warnings.join("; "));
    assert.match(warnings[0] ?? "", expected);
  });
}
