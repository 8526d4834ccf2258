import assert from "node:assert/strict";
import { test } from "node:test";
import { protoJson } from "./proto-json.ts";

test("names of fields are printed as Istio prints them, and what users named stays", () => {
  const options = { "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions" };
  const stranger = { "@type": "type.googleapis.com/somebody.Else", some_field: 1 };
  assert.deepEqual(
    protoJson("envoy.config.cluster.v3.Cluster", {
      connect_timeout: "10s",
      transport_socket_matches: [{ match: { tls_mode: "a_b" } }],
      load_assignment: { cluster_name: "a", endpoints: [{ lb_endpoints: [{ health_status: "HEALTHY" }] }] },
      metadata: { filter_metadata: { my_filter: { its_key: 1 } } },
      typed_extension_protocol_options: {
        "envoy.some_options": { ...options, common_http_protocol_options: { idle_timeout: "1s" } },
        my_own: stranger,
      },
    }),
    {
      connectTimeout: "10s",
      transportSocketMatches: [{ match: { tls_mode: "a_b" } }],
      loadAssignment: { clusterName: "a", endpoints: [{ lbEndpoints: [{ healthStatus: "HEALTHY" }] }] },
      metadata: { filterMetadata: { my_filter: { its_key: 1 } } },
      typedExtensionProtocolOptions: {
        "envoy.some_options": { ...options, commonHttpProtocolOptions: { idleTimeout: "1s" } },
        my_own: stranger,
      },
    },
  );
});
