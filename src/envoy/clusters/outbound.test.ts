import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceEntry } from "#api/istio/service-entry.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import { wholeConfig } from "../../../tests/accept/xds/proxy-config.ts";
import { bookinfo, destinationRule, keyed, productpageProxy } from "../bookinfo.fixture.ts";

const entry: ServiceEntry = {
  apiVersion: "networking.istio.io/v1",
  kind: "ServiceEntry",
  metadata: { name: "ext", namespace: "default" },
  spec: {
    hosts: ["ext.example"],
    ports: [{ number: 443, name: "https", protocol: "TLS" }],
    resolution: "DNS",
    subjectAltNames: ["names.example"],
    endpoints: [
      { address: "near.example", locality: "r1/z1" },
      { address: "far.example", locality: "r2/z1" },
    ],
  },
};

function clusterAt(
  region: string,
  trafficPolicy: NonNullable<Parameters<typeof destinationRule>[1]["trafficPolicy"]>,
  filesApart = false,
) {
  const input = bookinfo({
    meshConfig: { ...defaultMeshConfig },
    serviceEntries: keyed([entry]),
    destinationRules: keyed([destinationRule("ext", { host: "ext.example", trafficPolicy })]),
  });
  const snapshot = buildSnapshot(undefined, input, {});
  assert.deepEqual(snapshot.problems, []);
  const proxy = { ...productpageProxy, filesApart, locality: { region, zone: "z1", subzone: "" } };
  const cluster = wholeConfig(proxyView(snapshot, proxy)).clusters.get("outbound|443||ext.example");
  assert.ok(cluster);
  return cluster;
}

test("names that a cluster resolves are used by where they and the proxy are", () => {
  const priorities = (region: string): readonly string[] => {
    const { endpoints } = clusterAt(region, { outlierDetection: { consecutive5xxErrors: 1 } })["loadAssignment"] as {
      endpoints: { locality: { region: string }; priority?: number }[];
    };
    return endpoints.map(({ locality, priority = 0 }) => `${locality.region} ${priority}`);
  };
  assert.deepEqual(priorities("r1"), ["r1 0", "r2 1"]);
  assert.deepEqual(priorities("r2"), ["r1 1", "r2 0"]);
});

test("a ServiceEntry's names are those that its servers' certificates must have", () => {
  const text = JSON.stringify(
    clusterAt("r1", { tls: { mode: "SIMPLE", caCertificates: "/ca.pem" } })["transportSocket"],
  );
  assert.match(text, /"matchSubjectAltNames":\[\{"exact":"names\.example"\}\]/);
});

test("what is in files comes from the agent, also where the proxy's certificate comes from somebody else", () => {
  const source = (filesApart: boolean): string => {
    const cluster = clusterAt("r1", { tls: { mode: "SIMPLE", caCertificates: "/ca.pem" } }, filesApart);
    return JSON.stringify(cluster["transportSocket"]);
  };
  assert.match(source(false), /"name":"file-root:\/ca\.pem".*"clusterName":"sds-grpc"/);
  assert.match(source(true), /"name":"file-root:\/ca\.pem".*"clusterName":"sds-files-grpc"/);
});
