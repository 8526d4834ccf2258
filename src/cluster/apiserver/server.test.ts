import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ConfigMap, Pod, Service } from "kubernetes-types/core/v1.d.ts";
import { createKubeClient } from "#kube/client.ts";
import { isKubeError, KubeError } from "#kube/error.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { type ApiUnderTest, startApi } from "./api-under-test.ts";

let api: ApiUnderTest;
before(async () => {
  api = await startApi();
  const metadata = { name: "default", namespace: "default" };
  await api.client.create(resourceTypes.serviceAccounts, { metadata });
});
after(() => api.close());

const { configMaps, pods, services, namespaces, nodes } = resourceTypes;
const inDefault = (name: string) => ({ name, namespace: "default" });
const podSpec = { containers: [{ name: "c", image: "busybox" }] };

function refusedWith(reason: string, message?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KubeError, String(error));
    assert.equal(error.reason, reason, error.message);
    if (message) assert.match(error.message, message);
    return true;
  };
}

test("create, get, update, conflict, delete", async () => {
  const made = await api.client.create<ConfigMap>(configMaps, { metadata: inDefault("a"), data: { x: "1" } });
  assert.ok(made.metadata?.uid);
  await assert.rejects(
    api.client.create<ConfigMap>(configMaps, { metadata: inDefault("a") }),
    refusedWith("AlreadyExists", /^configmaps "a" already exists$/),
  );
  const next = await api.client.update<ConfigMap>(configMaps, { ...made, data: { x: "2" } });
  assert.ok(Number(next.metadata?.resourceVersion) > Number(made.metadata.resourceVersion));
  await assert.rejects(
    api.client.update<ConfigMap>(configMaps, { ...made, data: { x: "3" } }),
    refusedWith("Conflict", /the object has been modified; please apply your changes/),
  );
  const same = await api.client.update<ConfigMap>(configMaps, next);
  assert.equal(same.metadata?.resourceVersion, next.metadata?.resourceVersion, "an empty change makes no revision");
  await api.client.delete(configMaps, inDefault("a"));
  assert.equal(await api.client.find(configMaps, inDefault("a")), undefined);
});

test("all four patch types", async () => {
  await api.client.create<ConfigMap>(configMaps, { metadata: inDefault("p"), data: { a: "1", b: "1" } });
  const patch = (as: "json" | "merge" | "strategic-merge" | "apply", value: unknown, more = {}) =>
    api.client.patch<ConfigMap>(configMaps, { ...inDefault("p"), as, patch: value, ...more });
  assert.deepEqual((await patch("json", [{ op: "replace", path: "/data/a", value: "2" }])).data, { a: "2", b: "1" });
  assert.deepEqual((await patch("merge", { data: { b: null, c: "3" } })).data, { a: "2", c: "3" });
  assert.deepEqual((await patch("strategic-merge", { data: { c: "4" } })).data, { a: "2", c: "4" });
  const applied = { apiVersion: "v1", kind: "ConfigMap", metadata: inDefault("p"), data: { c: "5" } };
  await assert.rejects(patch("apply", applied, { fieldManager: "me" }), refusedWith("Conflict", /conflict with/));
  assert.deepEqual((await patch("apply", applied, { fieldManager: "me", force: true })).data, { a: "2", c: "5" });
  await assert.rejects(patch("json", [{ op: "test", path: "/data/a", value: "no" }]), refusedWith("Invalid"));
});

test("a list in pages is one moment", async () => {
  for (const name of ["l1", "l2", "l3"])
    await api.client.create<ConfigMap>(configMaps, { metadata: { ...inDefault(name), labels: { page: "y" } } });
  const first = await api.client.list(configMaps, { namespace: "default", labelSelector: "page=y", limit: 2 });
  assert.deepEqual(
    first.items.map((item) => item.metadata?.name),
    ["l1", "l2"],
  );
  await api.client.delete(configMaps, inDefault("l3"));
  const options = { namespace: "default", labelSelector: "page=y", limit: 2, continue: first.continue ?? "" };
  const second = await api.client.list(configMaps, options);
  assert.deepEqual(
    second.items.map((item) => item.metadata?.name),
    ["l3"],
  );
  assert.equal(second.resourceVersion, first.resourceVersion);
});

test("a selecting watch sees objects come into and leave the selection, across a restart", async () => {
  const before = await api.client.list(configMaps, { namespace: "default" });
  await api.client.create<ConfigMap>(configMaps, { metadata: { ...inDefault("w"), labels: { seen: "yes" } } });
  await api.restart();
  const seen: string[] = [];
  const stop = new AbortController();
  const watching = (async () => {
    const options = { resourceVersion: before.resourceVersion, signal: stop.signal, labelSelector: "seen=yes" };
    for await (const event of api.client.watch<ConfigMap>(configMaps, options)) {
      seen.push(`${event.type} ${event.object.metadata?.name}`);
      if (event.type === "DELETED") return;
    }
  })();
  const merge = (labels: object) =>
    api.client.patch(configMaps, { ...inDefault("w"), as: "merge", patch: { metadata: { labels } } });
  await merge({ other: "1" });
  await merge({ seen: null });
  await watching;
  stop.abort();
  assert.deepEqual(seen, ["ADDED w", "MODIFIED w", "DELETED w"]);
});

test("a pod gets its defaults and its account's token; its deletion waits for the runtime", async () => {
  const pod = await api.client.create<Pod>(pods, { metadata: inDefault("pod"), spec: { ...podSpec, nodeName: "n" } });
  assert.equal(pod.spec?.restartPolicy, "Always");
  assert.equal(pod.spec?.containers[0]?.imagePullPolicy, "Always");
  assert.equal(pod.spec?.containers[0]?.volumeMounts?.[0]?.mountPath, "/var/run/secrets/kubernetes.io/serviceaccount");
  assert.equal(pod.status?.phase, "Pending");
  await assert.rejects(
    api.client.update<Pod>(pods, {
      ...pod,
      spec: { ...pod.spec, hostNetwork: true, containers: pod.spec?.containers ?? [] },
    }),
    refusedWith("Invalid", /pod updates may not change fields other than/),
  );
  const running = await api.client.update<Pod>(
    pods,
    { ...pod, status: { phase: "Running", podIP: "10.0.0.9" } },
    "status",
  );
  assert.equal(running.status?.podIP, "10.0.0.9");
  await api.client.delete(pods, inDefault("pod"));
  const ending = await api.client.get<Pod>(pods, inDefault("pod"));
  assert.equal(ending.metadata?.deletionGracePeriodSeconds, 30);
  await api.client.delete(pods, { ...inDefault("pod"), gracePeriodSeconds: 0 });
  assert.equal(await api.client.find(pods, inDefault("pod")), undefined);
});

test("mistakes are told in Kubernetes' words", async () => {
  const bad = { metadata: inDefault("bad"), spec: { ports: [{ port: 80 }, { port: 0 }] } };
  await assert.rejects(
    api.client.create<Service>(services, bad),
    refusedWith("Invalid", /^Service "bad" is invalid: \[spec\.ports\[0\]\.name: Required value, /),
  );
  await assert.rejects(
    api.client.create(configMaps, { metadata: { name: "x", namespace: "nowhere" } }),
    refusedWith("NotFound", /^namespaces "nowhere" not found$/),
  );
  await assert.rejects(
    api.client.create(configMaps, { metadata: inDefault("Not_Valid") }),
    refusedWith("Invalid", /RFC 1123/),
  );
  await assert.rejects(api.client.list(pods, { fieldSelector: "spec.nope=1" }), refusedWith("BadRequest"));
  const strict = {
    method: "POST",
    path: "/api/v1/namespaces/default/pods",
    query: { fieldValidation: "Strict" },
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ metadata: { name: "s" }, spec: { containers: [{ name: "c", image: "i", imag: "x" }] } }),
  } as const;
  await assert.rejects(
    api.client.request(strict),
    refusedWith("BadRequest", /unknown field "spec\.containers\[0\]\.imag"/),
  );
});

test("a StatefulSet's pods may mount its claims, and only those", async () => {
  const set = (mounted: string) => ({
    metadata: inDefault(mounted),
    spec: {
      serviceName: "s",
      selector: { matchLabels: { app: "s" } },
      template: {
        metadata: { labels: { app: "s" } },
        spec: { containers: [{ name: "c", image: "busybox", volumeMounts: [{ name: mounted, mountPath: "/data" }] }] },
      },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"] } }],
    },
  });
  await api.client.create(resourceTypes.statefulSets, set("data"));
  await assert.rejects(
    api.client.create(resourceTypes.statefulSets, set("other")),
    refusedWith("Invalid", /Not found: "other"/),
  );
});

test("services get addresses and node ports, and keep them", async () => {
  const spec = { type: "NodePort", selector: { app: "a" }, ports: [{ port: 80 }] };
  const made = await api.client.create<Service>(services, { metadata: inDefault("np"), spec });
  assert.match(made.spec?.clusterIP ?? "", /^10\.96\.0\.\d+$/);
  const nodePort = made.spec?.ports?.[0]?.nodePort ?? 0;
  assert.ok(nodePort >= 30000 && nodePort <= 32767);
  const updated = await api.client.update<Service>(services, { metadata: inDefault("np"), spec });
  assert.equal(updated.spec?.ports?.[0]?.nodePort, nodePort);
  assert.equal(updated.spec?.clusterIP, made.spec?.clusterIP);
  await assert.rejects(
    api.client.create<Service>(services, {
      metadata: inDefault("np2"),
      spec: { ...spec, ports: [{ port: 80, nodePort }] },
    }),
    refusedWith("Invalid", /provided port is already allocated/),
  );
});

test("a namespace is emptied before it goes, and takes nothing new meanwhile", async () => {
  await api.client.create(namespaces, { metadata: { name: "brief" } });
  await api.client.delete(namespaces, { name: "brief" });
  const ending = await api.client.get<KubeObject & { status?: { phase?: string } }>(namespaces, { name: "brief" });
  assert.equal(ending.status?.phase, "Terminating");
  await assert.rejects(
    api.client.create(configMaps, { metadata: { name: "late", namespace: "brief" } }),
    refusedWith("Forbidden", /because it is being terminated/),
  );
  await api.client.update(namespaces, { ...ending, spec: { finalizers: [] } } as KubeObject, "finalize");
  assert.equal(await api.client.find(namespaces, { name: "brief" }), undefined);
});

test("finalizers hold an object; propagation leaves the garbage collector its finalizer", async () => {
  await api.client.create(configMaps, { metadata: { ...inDefault("held"), finalizers: ["example.com/hold"] } });
  await api.client.delete(configMaps, { ...inDefault("held"), propagationPolicy: "Foreground" });
  const held = await api.client.get(configMaps, inDefault("held"));
  assert.deepEqual(held.metadata?.finalizers, ["example.com/hold", "foregroundDeletion"]);
  await api.client.patch(configMaps, { ...inDefault("held"), as: "merge", patch: { metadata: { finalizers: null } } });
  assert.equal(await api.client.find(configMaps, inDefault("held")), undefined);
});

test("a custom resource is served, pruned, defaulted, converted and emptied with its definition", async () => {
  const schema = {
    openAPIV3Schema: {
      type: "object",
      properties: {
        spec: {
          type: "object",
          required: ["size"],
          properties: { size: { type: "integer" }, color: { type: "string", default: "red" } },
        },
        status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
  };
  const versions = ["v1", "v1beta1"].map((name) => ({
    name,
    served: true,
    storage: name === "v1",
    schema,
    subresources: { status: {}, scale: { specReplicasPath: ".spec.size", statusReplicasPath: ".status.size" } },
    additionalPrinterColumns: name === "v1" ? [{ name: "Size", type: "integer", jsonPath: ".spec.size" }] : [],
  }));
  const names = { plural: "widgets", kind: "Widget" };
  const definition = {
    metadata: { name: "widgets.example.com" },
    spec: { group: "example.com", scope: "Namespaced", names, versions },
  };
  await api.client.create(resourceTypes.customResourceDefinitions, definition);
  const widgets = { group: "example.com", version: "v1", plural: "widgets", kind: "Widget", namespaced: true };
  type Widget = KubeObject & { spec?: { size?: unknown; color?: string; junk?: string }; status?: object };
  const wrong: Widget = { metadata: inDefault("w"), spec: { size: "big" } };
  await assert.rejects(
    api.client.create(widgets, wrong),
    refusedWith("Invalid", /spec\.size: Invalid value: "string"/),
  );
  const made = await api.client.create<Widget>(widgets, { metadata: inDefault("w"), spec: { size: 1, junk: "x" } });
  assert.deepEqual(made.spec, { size: 1, color: "red" });
  const older = await api.client.get<Widget>({ ...widgets, version: "v1beta1" }, inDefault("w"));
  assert.equal(older.apiVersion, "example.com/v1beta1");
  await api.client.patch(widgets, {
    ...inDefault("w"),
    subresource: "scale",
    as: "merge",
    patch: { spec: { replicas: 4 } },
  });
  const status = await api.client.patch<Widget>(widgets, {
    ...inDefault("w"),
    subresource: "status",
    as: "merge",
    patch: { spec: { size: 9 }, status: { ready: true } },
  });
  assert.deepEqual([status.spec?.size, status.status, status.metadata?.generation], [4, { ready: true }, 2]);
  const tableIn = (version: string) =>
    api.client.request<{ columnDefinitions: { name: string }[]; rows: { cells: unknown[] }[] }>({
      method: "GET",
      path: `/apis/example.com/${version}/namespaces/default/widgets`,
      headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" },
    });
  assert.deepEqual((await tableIn("v1")).rows[0]?.cells, ["w", 4]);
  assert.deepEqual(
    (await tableIn("v1beta1")).columnDefinitions.map(({ name }) => name),
    ["Name", "Age"],
  );
  await api.client.delete(resourceTypes.customResourceDefinitions, { name: "widgets.example.com" });
  const end = Date.now() + 5000;
  while (
    Date.now() < end &&
    (await api.client.find(resourceTypes.customResourceDefinitions, { name: "widgets.example.com" }))
  )
    await new Promise((resolve) => setTimeout(resolve, 10));
  await assert.rejects(
    api.client.get(widgets, inDefault("w")),
    refusedWith("NotFound", /could not find the requested resource/),
  );
});

test("a service account's token says who it is until the pod it is bound to goes", async () => {
  await api.client.create<Pod>(pods, { metadata: inDefault("bound"), spec: podSpec });
  const answer = await api.client.request<{ status: { token: string } }>({
    method: "POST",
    path: "/api/v1/namespaces/default/serviceaccounts/default/token",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ spec: { audiences: ["istio-ca"], boundObjectRef: { kind: "Pod", name: "bound" } } }),
  });
  const review = async (audiences: string[]) => {
    const spec = { token: answer.status.token, audiences };
    const reviewed = await api.client.create<
      KubeObject & { status?: { authenticated?: boolean; user?: { username?: string } } }
    >(resourceTypes.tokenReviews, { metadata: {}, spec } as KubeObject);
    return reviewed.status;
  };
  assert.equal((await review(["istio-ca"]))?.user?.username, "system:serviceaccount:default:default");
  assert.equal((await review(["other"]))?.authenticated, false);
  await api.client.delete(pods, inDefault("bound"));
  assert.equal((await review(["istio-ca"]))?.authenticated, false);
});

test("roles decide what others may do", async () => {
  const bob = createKubeClient(api.server.transport({ username: "bob", groups: ["system:authenticated"] }));
  await assert.rejects(
    bob.list(pods, { namespace: "default" }),
    refusedWith(
      "Forbidden",
      /^pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"$/,
    ),
  );
  const rbac = {
    group: "rbac.authorization.k8s.io",
    version: "v1",
    plural: "rolebindings",
    kind: "RoleBinding",
    namespaced: true,
  };
  await api.client.create(rbac, {
    metadata: inDefault("bob-views"),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
    subjects: [{ kind: "User", name: "bob" }],
  } as KubeObject);
  await bob.list(pods, { namespace: "default" });
  await assert.rejects(bob.list(pods), refusedWith("Forbidden", /at the cluster scope$/));
  await assert.rejects(bob.list(resourceTypes.secrets, { namespace: "default" }), refusedWith("Forbidden"));
  await assert.rejects(bob.list(nodes), refusedWith("Forbidden"));
});

test("a dry run changes nothing", async () => {
  await api.client.request({
    method: "POST",
    path: "/api/v1/namespaces/default/configmaps",
    query: { dryRun: "All" },
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ metadata: { name: "dry" } }),
  });
  await assert.rejects(api.client.get(configMaps, inDefault("dry")), (error) => isKubeError(error, "NotFound"));
});
