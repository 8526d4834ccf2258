import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Deployment, ReplicaSet } from "kubernetes-types/apps/v1.d.ts";
import type { ConfigMap, Endpoints, Event, Namespace, Pod, Service } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await startTestCluster();
});
after(() => cluster.stop());

const namespace = "default";
const byText = (a: string, b: string) => a.localeCompare(b);

function deployment(name: string, replicas: number, image = "one"): Deployment {
  return {
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "main", image }] } },
    },
  };
}

const get = (name: string) => cluster.client.get<Deployment>(resourceTypes.deployments, { namespace, name });
const pods = async (app: string) =>
  (await cluster.client.list<Pod>(resourceTypes.pods, { namespace, labelSelector: `app=${app}` })).items;
const sets = async (app: string) =>
  (await cluster.client.list<ReplicaSet>(resourceTypes.replicaSets, { namespace, labelSelector: `app=${app}` })).items;
const rolledOut = (name: string, replicas: number) =>
  cluster.eventually(async () => {
    const { metadata, status } = await get(name);
    const done = status?.observedGeneration === metadata?.generation && status?.updatedReplicas === replicas;
    return done && status?.availableReplicas === replicas && status.replicas === replicas;
  });

test("a Deployment rolls out, rolls on, rolls back, and scales", async () => {
  const { client } = cluster;
  await client.create(resourceTypes.deployments, deployment("web", 2));
  await rolledOut("web", 2);
  const [first] = await sets("web");
  assert.match(first?.metadata?.name ?? "", /^web-[bcdfghjklmnpqrstvwxz2456789]{10}$/);
  assert.match((await pods("web"))[0]?.metadata?.name ?? "", /^web-[a-z0-9]{10}-[a-z0-9]{5}$/);
  const patch = (image: string) =>
    client.patch(resourceTypes.deployments, {
      namespace,
      name: "web",
      patch: { spec: { template: { spec: { containers: [{ name: "main", image }] } } } },
      as: "strategic-merge",
    });
  await patch("two");
  await rolledOut("web", 2);
  assert.deepEqual(
    (await pods("web")).map((pod) => pod.spec?.containers[0]?.image),
    ["two", "two"],
  );
  assert.equal((await get("web")).metadata?.annotations?.["deployment.kubernetes.io/revision"], "2");
  await patch("one");
  await rolledOut("web", 2);
  const all = await sets("web");
  assert.equal(all.length, 2);
  assert.equal(all.find(({ metadata }) => metadata?.uid === first?.metadata?.uid)?.spec?.replicas, 2);
  assert.equal((await get("web")).metadata?.annotations?.["deployment.kubernetes.io/revision"], "3");
  const conditions = Object.fromEntries(((await get("web")).status?.conditions ?? []).map((c) => [c.type, c.reason]));
  assert.deepEqual(conditions, { Available: "MinimumReplicasAvailable", Progressing: "NewReplicaSetAvailable" });
  await client.patch(resourceTypes.deployments, {
    namespace,
    name: "web",
    patch: { spec: { replicas: 4 } },
    as: "merge",
  });
  await rolledOut("web", 4);
  const { items } = await client.list<Event>(resourceTypes.events, { namespace });
  const messages = items
    .filter(({ involvedObject }) => involvedObject.kind === "Deployment")
    .map(({ message }) => message);
  assert.ok(
    messages.some((message) => /^Scaled up replica set web-\w+ from 2 to 4$/.test(message ?? "")),
    String(messages),
  );
  await client.delete(resourceTypes.deployments, { namespace, name: "web" });
  await cluster.eventually(async () => (await pods("web")).length === 0 && (await sets("web")).length === 0);
});

test("an update never goes below what must be available, and waits when new pods don't become ready", async () => {
  const { client } = cluster;
  await client.create(resourceTypes.deployments, deployment("careful", 3));
  await rolledOut("careful", 3);
  cluster.runs = (pod) => pod.spec?.containers[0]?.image !== "broken" || pod.metadata?.deletionTimestamp !== undefined;
  const template = deployment("careful", 3, "broken").spec?.template;
  await client.patch(resourceTypes.deployments, {
    namespace,
    name: "careful",
    patch: { spec: { template } },
    as: "merge",
  });
  await cluster.eventually(async () => (await get("careful")).status?.unavailableReplicas === 1);
  const images = (await pods("careful")).map((pod) => pod.spec?.containers[0]?.image ?? "").toSorted(byText);
  assert.deepEqual(images, ["broken", "one", "one", "one"]);
  cluster.runs = () => true;
  await client.delete(resourceTypes.deployments, { namespace, name: "careful", propagationPolicy: "Foreground" });
  await cluster.eventually(async () => (await pods("careful")).length === 0);
  await cluster.eventually(async () => !(await client.find(resourceTypes.deployments, { namespace, name: "careful" })));
});

test("orphaned pods are adopted again", async () => {
  const { client } = cluster;
  await client.create(resourceTypes.deployments, deployment("orphans", 1));
  await rolledOut("orphans", 1);
  const [pod] = await pods("orphans");
  const [set] = await sets("orphans");
  await client.delete(resourceTypes.deployments, { namespace, name: "orphans", propagationPolicy: "Orphan" });
  await cluster.eventually(async () => !(await client.find(resourceTypes.deployments, { namespace, name: "orphans" })));
  assert.equal((await sets("orphans"))[0]?.metadata?.ownerReferences?.length ?? 0, 0);
  await client.create(resourceTypes.deployments, deployment("orphans", 1));
  await rolledOut("orphans", 1);
  assert.equal((await pods("orphans"))[0]?.metadata?.uid, pod?.metadata?.uid);
  assert.equal((await sets("orphans"))[0]?.metadata?.uid, set?.metadata?.uid);
});

test("a Service has its pods in EndpointSlices and Endpoints, an address, and gives all up", async () => {
  const { client } = cluster;
  const service: Service = {
    metadata: { name: "shop", namespace },
    spec: { type: "LoadBalancer", selector: { app: "shop" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  };
  await client.create(resourceTypes.services, service);
  await client.create(resourceTypes.deployments, deployment("shop", 2));
  const slice = await cluster.eventually(async () => {
    const selector = { namespace, labelSelector: "kubernetes.io/service-name=shop" };
    const { items } = await client.list<EndpointSlice>(resourceTypes.endpointSlices, selector);
    assert.ok(items.length <= 1, "one slice, updated in place");
    return items.find(({ endpoints }) => endpoints?.filter(({ conditions }) => conditions?.ready).length === 2);
  });
  assert.match(slice.metadata?.name ?? "", /^shop-[a-z0-9]{5}$/);
  assert.deepEqual(slice.ports, [{ name: "http", port: 8080, protocol: "TCP" }]);
  await cluster.eventually(async () => {
    const endpoints = await client.find<Endpoints>(resourceTypes.endpoints, { namespace, name: "shop" });
    return endpoints?.subsets?.[0]?.addresses?.length === 2;
  });
  const ip = await cluster.eventually(async () => {
    const { status } = await client.get<Service>(resourceTypes.services, { namespace, name: "shop" });
    return status?.loadBalancer?.ingress?.[0]?.ip;
  });
  await client.delete(resourceTypes.services, { namespace, name: "shop" });
  await cluster.eventually(async () => {
    const left = await client.list(resourceTypes.endpointSlices, {
      namespace,
      labelSelector: "kubernetes.io/service-name=shop",
    });
    return left.items.length === 0 && !(await client.find(resourceTypes.endpoints, { namespace, name: "shop" }));
  });
  await client.create(resourceTypes.services, { ...service, metadata: { name: "next", namespace } });
  await cluster.eventually(async () => {
    const { status } = await client.get<Service>(resourceTypes.services, { namespace, name: "next" });
    return status?.loadBalancer?.ingress?.[0]?.ip === ip;
  });
});

test("a namespace gets its defaults, and goes with all that is in it", async () => {
  const { client } = cluster;
  const name = "briefly";
  await client.create(resourceTypes.namespaces, { metadata: { name } });
  await cluster.eventually(() => client.find(resourceTypes.serviceAccounts, { namespace: name, name: "default" }));
  const root = await cluster.eventually(() =>
    client.find<ConfigMap>(resourceTypes.configMaps, { namespace: name, name: "kube-root-ca.crt" }),
  );
  assert.match(root.data?.["ca.crt"] ?? "", /BEGIN CERTIFICATE/);
  const inside = deployment("inside", 1);
  await client.create(resourceTypes.deployments, { ...inside, metadata: { name: "inside", namespace: name } });
  await cluster.eventually(async () => (await client.list(resourceTypes.pods, { namespace: name })).items.length === 1);
  await client.delete(resourceTypes.namespaces, { name });
  await cluster.eventually(async () => !(await client.find<Namespace>(resourceTypes.namespaces, { name })), 10);
});

test("a pod that fits nowhere says why, and is bound when the node changes", async () => {
  const { client } = cluster;
  const spec = { nodeSelector: { disk: "ssd" }, containers: [{ name: "main", image: "one" }] };
  await client.create<Pod>(resourceTypes.pods, { metadata: { name: "picky", namespace }, spec });
  const read = () => client.get<Pod>(resourceTypes.pods, { namespace, name: "picky" });
  await cluster.eventually(async () => {
    const condition = (await read()).status?.conditions?.find(({ type }) => type === "PodScheduled");
    return condition?.reason === "Unschedulable" && /affinity\/selector/.test(condition.message ?? "");
  });
  await client.patch(resourceTypes.nodes, {
    name: "test-node",
    patch: { metadata: { labels: { disk: "ssd" } } },
    as: "merge",
  });
  await cluster.eventually(async () => (await read()).status?.phase === "Running");
});

test("Endpoints written by hand are mirrored to slices", async () => {
  const { client } = cluster;
  const metadata = { name: "outside", namespace };
  await client.create<Service>(resourceTypes.services, { metadata, spec: { ports: [{ port: 3306 }] } });
  const subsets = [
    { addresses: [{ ip: "192.0.2.7" }], notReadyAddresses: [{ ip: "192.0.2.8" }], ports: [{ port: 3306 }] },
  ];
  await client.create<Endpoints>(resourceTypes.endpoints, { metadata, subsets });
  const slices = async () => {
    const selector = { namespace, labelSelector: "kubernetes.io/service-name=outside" };
    return (await client.list<EndpointSlice>(resourceTypes.endpointSlices, selector)).items;
  };
  const [slice] = await cluster.eventually(async () => (await slices()).length === 1 && slices());
  assert.deepEqual(
    slice?.endpoints?.map(({ addresses, conditions }) => [...addresses, conditions?.ready]),
    [
      ["192.0.2.7", true],
      ["192.0.2.8", false],
    ],
  );
  await client.delete(resourceTypes.endpoints, metadata);
  await cluster.eventually(async () => (await slices()).length === 0);
});
