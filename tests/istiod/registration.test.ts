import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { create, fromBinary, type JsonObject, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ClusterLoadAssignmentSchema } from "#api/envoy/gen/envoy/config/endpoint/v3/endpoint_pb.js";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from "#api/envoy/gen/envoy/service/discovery/v3/discovery_pb.js";
import type { WorkloadEntry } from "#api/istio/workload-entry.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Condition } from "#status/condition.ts";
import { healthTypeUrl, typeUrls } from "#xds/resource.ts";
import { eventually } from "#xds/test-envoy.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { deltaPath, type OpenCall, openCall, tokenOf } from "./secure-call.ts";

const namespace = "vms";
const cluster = "outbound|80||db.example";

function message(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): Uint8Array {
  return toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, request));
}

describe("workloads that register", () => {
  let plane: ControlPlane;
  let token = "";
  before(async () => {
    plane = await startControlPlane();
    const { client } = plane;
    await client.create(resourceTypes.namespaces, { metadata: { name: namespace } });
    for (const name of ["vm", "other"])
      await client.create(resourceTypes.serviceAccounts, { metadata: { name, namespace } });
    token = await tokenOf(plane, namespace, "vm");
    const template = { serviceAccount: "vm", labels: { tier: "data" }, ports: { http: 8080 } };
    await client.create(resourceTypes.workloadGroups, {
      metadata: { name: "db", namespace },
      spec: { metadata: { labels: { app: "db" }, annotations: { note: "kept" } }, template },
    });
    await client.create(resourceTypes.serviceEntries, {
      metadata: { name: "db", namespace },
      spec: {
        hosts: ["db.example"],
        location: "MESH_INTERNAL",
        resolution: "STATIC",
        ports: [{ number: 80, name: "http", protocol: "HTTP" }],
        workloadSelector: { labels: { app: "db" } },
      },
    });
  });
  after(() => plane.stop());

  /** A proxy's stream, opened by a request for clusters. */
  function connect(more: JsonObject = {}, ip = "10.5.0.1", caller = token): OpenCall {
    const metadata: JsonObject = {
      NAMESPACE: namespace,
      AUTO_REGISTER_GROUP: "db",
      NETWORK: "far",
      LABELS: { version: "v1" },
      ...more,
    };
    const node = {
      id: `sidecar~${ip}~vm-1.${namespace}~${namespace}.svc.cluster.local`,
      metadata,
      locality: { region: "r", zone: "z" },
    };
    return openCall(plane, deltaPath, { token: caller }, message({ node, typeUrl: typeUrls.cluster }));
  }

  const find = (name: string): Promise<WorkloadEntry | undefined> =>
    plane.client.find<WorkloadEntry>(resourceTypes.workloadEntries, { namespace, name });

  /** What a sidecar is told of the service. */
  async function endpoints(): Promise<number> {
    const node = { id: `sidecar~10.6.0.1~client.${namespace}~${namespace}.svc.cluster.local` };
    const call = openCall(
      plane,
      deltaPath,
      { token: await tokenOf(plane, namespace, "other") },
      message({ node, typeUrl: typeUrls.endpoint, resourceNamesSubscribe: [cluster] }),
    );
    try {
      const answer = await call.next();
      assert.ok(typeof answer !== "string", String(answer));
      const { resources } = fromBinary(DeltaDiscoveryResponseSchema, answer);
      const value = resources[0]?.resource?.value ?? new Uint8Array();
      return fromBinary(ClusterLoadAssignmentSchema, value).endpoints.flatMap((group) => group.lbEndpoints).length;
    } finally {
      call.close();
    }
  }

  test("a proxy of a group gets an entry from it, which goes some time after the proxy", async () => {
    const name = "db-10.5.0.1-far";
    const call = connect();
    assert.ok(typeof (await call.next()) !== "string");
    const entry = await find(name);
    assert.deepEqual(entry?.spec, {
      address: "10.5.0.1",
      labels: { tier: "data", app: "db", version: "v1" },
      locality: "r/z",
      network: "far",
      ports: { http: 8080 },
      serviceAccount: "vm",
    });
    const { annotations = {}, ownerReferences = [], labels } = entry.metadata;
    assert.deepEqual(labels, entry.spec.labels);
    assert.equal(annotations["istio.io/autoRegistrationGroup"], "db");
    assert.equal(annotations["note"], "kept");
    assert.ok(annotations["istio.io/connectedAt"]);
    assert.deepEqual([ownerReferences[0]?.kind, ownerReferences[0]?.name], ["WorkloadGroup", "db"]);
    await eventually(async () => assert.equal(await endpoints(), 1));

    const second = connect();
    assert.ok(typeof (await second.next()) !== "string");
    call.close();
    await sleep(500);
    assert.ok((await find(name))?.metadata.annotations?.["istio.io/connectedAt"], "another connection holds it");
    second.close();
    await eventually(async () => {
      const left = (await find(name))?.metadata.annotations ?? {};
      assert.ok(left["istio.io/disconnectedAt"] && !left["istio.io/connectedAt"]);
    });
    const back = connect();
    assert.ok(typeof (await back.next()) !== "string");
    await sleep(500);
    assert.ok((await find(name))?.metadata.annotations?.["istio.io/connectedAt"], "it came back in time");
    back.close();
    await eventually(async () => assert.equal(await find(name), undefined));
    await eventually(async () => assert.equal(await endpoints(), 0));
  });

  test("one that checks its workload takes traffic while it says that all is well", async () => {
    const name = "db-10.5.0.2-far";
    const call = connect({ PROXY_CONFIG: { readinessProbe: { httpGet: { port: 8080 } } } }, "10.5.0.2");
    assert.ok(typeof (await call.next()) !== "string");
    const condition = async (): Promise<Condition | undefined> => {
      const { conditions = [] } = ((await find(name))?.status ?? {}) as { conditions?: Condition[] };
      return conditions.find(({ type }) => type === "Healthy");
    };
    assert.equal(await endpoints(), 0);
    call.send(message({ typeUrl: healthTypeUrl }));
    await eventually(async () => assert.equal((await condition())?.status, "True"));
    await eventually(async () => assert.equal(await endpoints(), 1));
    call.send(message({ typeUrl: healthTypeUrl, errorDetail: { code: 500, message: "status 503" } }));
    await eventually(async () => assert.equal((await condition())?.status, "False"));
    assert.equal((await condition())?.message, "status 503");
    await eventually(async () => assert.equal(await endpoints(), 0));
    call.close();
    await eventually(async () => assert.equal(await find(name), undefined));
  });

  test("an entry that a user made keeps what it is, and loses what was said of its health", async () => {
    const name = "mine";
    const annotations = { "proxy.istio.io/health-checks-enabled": "true" };
    await plane.client.create<Partial<WorkloadEntry>>(resourceTypes.workloadEntries, {
      metadata: { name, namespace, annotations },
      spec: { address: "10.5.0.3", labels: { app: "db" } },
    });
    const call = connect({ AUTO_REGISTER_GROUP: "", WORKLOAD_ENTRY: name }, "10.5.0.3");
    assert.ok(typeof (await call.next()) !== "string");
    call.send(message({ typeUrl: healthTypeUrl }));
    await eventually(async () => assert.equal(await endpoints(), 1));
    call.close();
    await eventually(async () => assert.equal(await endpoints(), 0));
    const { conditions } = ((await find(name))?.status ?? {}) as { conditions?: Condition[] };
    assert.deepEqual(conditions, []);
    await plane.client.delete(resourceTypes.workloadEntries, { namespace, name });
  });

  test("who isn't the group's, or has no group, is refused with what is wrong", async () => {
    const refusal = async (more: JsonObject, caller = token): Promise<unknown> => {
      const call = connect(more, "10.5.0.9", caller);
      const answer = await call.next();
      call.close();
      return answer;
    };
    const other = await tokenOf(plane, namespace, "other");
    assert.match(String(await refusal({}, other)), /^7 .*service%20account%20vm|^7 .*service account vm/);
    assert.match(String(await refusal({ AUTO_REGISTER_GROUP: "none" })), /^9 .*WorkloadGroup.vms\/none|^9 .*none/);
    assert.match(String(await refusal({ AUTO_REGISTER_GROUP: "", WORKLOAD_ENTRY: "gone" })), /^9 .*gone/);
    assert.equal(await find("db-10.5.0.9-far"), undefined);
  });
});
