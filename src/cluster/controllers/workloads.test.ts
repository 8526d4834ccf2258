import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { DaemonSet, Deployment, StatefulSet } from "kubernetes-types/apps/v1.d.ts";
import type { HorizontalPodAutoscaler } from "kubernetes-types/autoscaling/v2.d.ts";
import type { Job } from "kubernetes-types/batch/v1.d.ts";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { PodDisruptionBudget } from "kubernetes-types/policy/v1.d.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";

let cluster: TestCluster;
before(async () => {
  cluster = await startTestCluster();
});
after(() => cluster.stop());

const namespace = "default";
const template = (app: string, image = "one", restartPolicy?: string) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: "main", image }], ...(restartPolicy ? { restartPolicy } : {}) },
});
const pods = async (app: string) =>
  (await cluster.client.list<Pod>(resourceTypes.pods, { namespace, labelSelector: `app=${app}` })).items;
const names = async (app: string) => (await pods(app)).map(({ metadata }) => metadata?.name).join();
const images = async (app: string) => (await pods(app)).map(({ spec }) => spec?.containers[0]?.image).join();
const setImage = (type: (typeof resourceTypes)[keyof typeof resourceTypes], name: string, image: string) =>
  cluster.client.patch(type, {
    namespace,
    name,
    patch: { spec: { template: { spec: { containers: [{ name: "main", image }] } } } },
    as: "strategic-merge",
  });

test("a StatefulSet keeps names through an update", async () => {
  const { client } = cluster;
  await client.create<StatefulSet>(resourceTypes.statefulSets, {
    metadata: { name: "db", namespace },
    spec: { serviceName: "db", replicas: 2, selector: { matchLabels: { app: "db" } }, template: template("db") },
  });
  await cluster.eventually(async () => (await names("db")) === "db-0,db-1");
  assert.deepEqual(
    (await pods("db")).map(({ spec }) => `${spec?.hostname}.${spec?.subdomain}`),
    ["db-0.db", "db-1.db"],
  );
  const read = () => client.get<StatefulSet>(resourceTypes.statefulSets, { namespace, name: "db" });
  await cluster.eventually(async () => (await read()).status?.readyReplicas === 2);
  await setImage(resourceTypes.statefulSets, "db", "two");
  await cluster.eventually(async () => {
    const { metadata, status } = await read();
    const isCurrent =
      status?.observedGeneration === metadata?.generation && status?.currentRevision === status?.updateRevision;
    return isCurrent && status?.updatedReplicas === 2 && (await images("db")) === "two,two";
  });
});

test("a DaemonSet has one pod, also after an update and a failure", async () => {
  const { client } = cluster;
  await client.create<DaemonSet>(resourceTypes.daemonSets, {
    metadata: { name: "agent", namespace },
    spec: { selector: { matchLabels: { app: "agent" } }, template: template("agent") },
  });
  const settled = (image: string) =>
    cluster.eventually(async () => {
      const { metadata, status } = await client.get<DaemonSet>(resourceTypes.daemonSets, { namespace, name: "agent" });
      const isCurrent = status?.observedGeneration === metadata?.generation && status?.updatedNumberScheduled === 1;
      return isCurrent && status?.numberAvailable === 1 && (await images("agent")) === image;
    });
  await settled("one");
  await setImage(resourceTypes.daemonSets, "agent", "two");
  await settled("two");
  const [pod] = await pods("agent");
  assert.ok(pod);
  await cluster.setPod(pod, { phase: "Failed" });
  await cluster.eventually(async () => (await pods("agent"))[0]?.metadata?.uid !== pod.metadata?.uid);
  await settled("two");
});

test("a Job makes pods until enough have succeeded, and goes when its time is over", async () => {
  const { client } = cluster;
  await client.create<Job>(resourceTypes.jobs, {
    metadata: { name: "pi", namespace },
    spec: { completions: 2, ttlSecondsAfterFinished: 1, template: template("pi", "one", "Never") },
  });
  for (let done = 0; done < 2; done++) {
    const pod = await cluster.eventually(async () =>
      (await pods("pi")).find(({ status }) => status?.phase === "Running"),
    );
    await cluster.setPod(pod, { phase: "Succeeded" });
    // What has ended counts even when somebody removes it.
    if (done === 0) await client.delete(resourceTypes.pods, { namespace, name: pod.metadata?.name ?? "" });
  }
  const status = await cluster.eventually(async () => {
    const job = await client.find<Job>(resourceTypes.jobs, { namespace, name: "pi" });
    return job?.status?.conditions?.some(({ type }) => type === "Complete") && job.status;
  });
  assert.equal(status.succeeded, 2);
  await cluster.eventually(async () => !(await client.find(resourceTypes.jobs, { namespace, name: "pi" })));
  await cluster.eventually(async () => (await pods("pi")).length === 0);
});

test("an autoscaler keeps the bounds and says that it has no metrics; a budget counts", async () => {
  const { client } = cluster;
  await client.create<Deployment>(resourceTypes.deployments, {
    metadata: { name: "web", namespace },
    spec: { replicas: 1, selector: { matchLabels: { app: "web" } }, template: template("web") },
  });
  await client.create<PodDisruptionBudget>(resourceTypes.podDisruptionBudgets, {
    metadata: { name: "web", namespace },
    spec: { minAvailable: 1, selector: { matchLabels: { app: "web" } } },
  });
  await client.create<HorizontalPodAutoscaler>(resourceTypes.horizontalPodAutoscalers, {
    metadata: { name: "web", namespace },
    spec: {
      minReplicas: 2,
      maxReplicas: 5,
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
      ],
    },
  });
  await cluster.eventually(async () => {
    const ref = { namespace, name: "web" };
    const { status } = await client.get<HorizontalPodAutoscaler>(resourceTypes.horizontalPodAutoscalers, ref);
    const conditions = Object.fromEntries((status?.conditions ?? []).map(({ type, status }) => [type, status]));
    return (
      status?.currentReplicas === 2 && conditions["AbleToScale"] === "True" && conditions["ScalingActive"] === "False"
    );
  });
  await cluster.eventually(async () => {
    const ref = { namespace, name: "web" };
    const { status } = await client.get<PodDisruptionBudget>(resourceTypes.podDisruptionBudgets, ref);
    return status?.disruptionsAllowed === 1 && status.currentHealthy === 2 && status.desiredHealthy === 1;
  });
});
