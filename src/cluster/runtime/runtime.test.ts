import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Container, ContainerStatus, Event, Pod } from "kubernetes-types/core/v1.d.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { footprint } from "./testing/footprint.ts";
import { inPrivateMounts } from "./testing/private-mounts.ts";
import { collector, startTestNode, type TestNode } from "./testing/test-node.ts";

const namespace = "default";

function sh(name: string, script: string, more: Partial<Container> = {}): Container {
  return { name, image: "busybox", command: ["sh", "-c", script], ...more };
}

/** Stays until it is asked to go. */
const patient = "trap 'exit 0' TERM; while :; do sleep 0.05; done";

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
}

function statusOf(pod: Pod, container: string): ContainerStatus {
  const all = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const found = all.find(({ name }) => name === container);
  assert.ok(found, `no status of container ${container}`);
  return found;
}

inPrivateMounts(import.meta.filename, () => {
  let node: TestNode;
  before(async () => {
    node = await startTestNode();
  });
  after(async () => {
    await node.stop();
    assert.deepEqual(footprint(node.name, `wf${node.index}-`), [], "nothing is left behind");
  });

  test("a container sees its own files, user, limits and variables, and nothing of the host's", async () => {
    await node.createPod("alone", {
      hostname: "host-a",
      securityContext: {
        runAsUser: 1000,
        runAsGroup: 3000,
        fsGroup: 2000,
        sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
      },
      volumes: [{ name: "shared", emptyDir: { medium: "Memory" } }],
      containers: [
        sh("c", patient, {
          env: [
            { name: "A", value: "1" },
            { name: "B", value: "$(A)2" },
            { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          ],
          resources: { limits: { memory: "64Mi" } },
          securityContext: {
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts: [{ name: "shared", mountPath: "/shared" }],
        }),
        sh("d", patient, { volumeMounts: [{ name: "shared", mountPath: "/other" }] }),
      ],
    });
    const pod = await node.waitFor("alone", isReady);
    const seen = async (script: string): Promise<string> =>
      (await node.exec("alone", "c", "sh", "-c", script)).output.trim();
    assert.equal(await seen("id -u; id -g; id -G"), "1000\n3000\n3000 2000");
    assert.equal(await seen("hostname; cat /etc/hostname"), "host-a\nhost-a");
    assert.equal(
      await seen("echo $B $IP $KUBERNETES_SERVICE_HOST"),
      `12 ${pod.status?.podIP} 10.${176 + node.index}.128.1`,
    );
    assert.match(await seen("grep -E 'CapBnd|NoNewPrivs' /proc/self/status"), /CapBnd:\s*0+\nNoNewPrivs:\s*1/);
    assert.match(await seen("touch /x"), /Read-only file system/);
    assert.equal(await seen("ls -A /home /mnt /srv /tmp | grep -v :; ls -d /root/* 2>/dev/null"), "");
    assert.equal(await seen("cat /proc/sys/net/ipv4/ip_unprivileged_port_start"), "0");
    assert.match(await seen("cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max"), /67108864/);
    assert.equal(await seen("touch /shared/f && stat -c %u:%g /shared/f && touch /dev/shm/s"), "1000:2000");
    assert.deepEqual(await node.exec("alone", "d", "ls", "/other/f", "/dev/shm/s"), {
      exitCode: 0,
      output: "/dev/shm/s\n/other/f\n",
    });
    assert.match(await seen("cat /var/run/secrets/kubernetes.io/serviceaccount/token"), /^eyJ/);
    assert.match(await seen("touch /opt/weft/src/x"), /Read-only file system/);
  });

  test("init containers, a native sidecar and a postStart hook keep their order; the sidecar goes last", async () => {
    const volumeMounts = [{ name: "order", mountPath: "/order" }];
    const say = (what: string): string => `echo ${what} >> /order/log`;
    await node.createPod("order", {
      volumes: [{ name: "order", hostPath: { path: `${node.dataDir}/order`, type: "DirectoryOrCreate" } }],
      initContainers: [
        sh("one", `sleep 0.1; ${say("one")}`, { volumeMounts }),
        sh("side", `trap '${say("side-end")}; exit 0' TERM; sleep 0.2; touch /up; while :; do sleep 0.05; done`, {
          volumeMounts,
          restartPolicy: "Always",
          startupProbe: { exec: { command: ["sh", "-c", `test -e /up && ${say("side")}`] }, periodSeconds: 1 },
        }),
        sh("two", say("two"), { volumeMounts }),
      ],
      containers: [
        sh("first", patient, {
          volumeMounts,
          lifecycle: {
            postStart: { exec: { command: ["sh", "-c", `sleep 0.2; ${say("hook")}`] } },
            preStop: { exec: { command: ["sh", "-c", say("stop")] } },
          },
        }),
        sh("second", `${say("second")}; ${patient}`, { volumeMounts }),
      ],
    });
    await node.waitFor("order", isReady);
    assert.equal((await node.exec("order", "first", "cat", "/order/log")).output, "one\nside\ntwo\nhook\nsecond\n");
    await node.client.delete(resourceTypes.pods, { namespace, name: "order" });
    await node.waitGone("order");
    await node.createPod("reader", {
      restartPolicy: "Never",
      volumes: [{ name: "order", hostPath: { path: `${node.dataDir}/order` } }],
      containers: [sh("c", "tail -n 2 /order/log", { volumeMounts })],
    });
    await node.waitFor("reader", ({ status }) => status?.phase === "Succeeded");
    assert.equal(await node.logs("reader", "c"), "stop\nside-end\n");
  });

  test("statuses of containers that crash, can't start, have no image, or are done", async () => {
    await Promise.all([
      node.createPod("crash", { containers: [sh("c", "echo try; exit 4")] }),
      node.createPod("no-command", { containers: [{ name: "c", image: "busybox", command: ["/no/such"] }] }),
      node.createPod("no-image", { containers: [{ name: "c", image: "no.such/image:1" }] }),
      node.createPod("no-config", {
        containers: [sh("c", patient, { envFrom: [{ configMapRef: { name: "missing" } }] })],
      }),
      node.createPod("failed", {
        restartPolicy: "Never",
        containers: [sh("c", "echo why > /dev/termination-log; exit 3")],
      }),
    ]);
    const waiting = (name: string, reason: string): Promise<Pod> =>
      node.waitFor(name, ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === reason);
    const crash = statusOf(await waiting("crash", "CrashLoopBackOff"), "c");
    assert.equal(crash.restartCount, 1);
    assert.equal(crash.lastState?.terminated?.exitCode, 4);
    assert.match(
      crash.state?.waiting?.message ?? "",
      /^back-off 10s restarting failed container=c pod=crash_default\(/,
    );
    assert.equal(await node.logs("crash", "c", true), "try\n");
    const start = statusOf(await waiting("no-command", "CrashLoopBackOff"), "c").lastState?.terminated;
    assert.equal(start?.reason, "StartError");
    assert.match(start?.message ?? "", /executable file `\/no\/such` not found/);
    const image = statusOf(await waiting("no-image", "ErrImagePull"), "c");
    assert.match(image.state?.waiting?.message ?? "", /weft image add/);
    const config = statusOf(await waiting("no-config", "CreateContainerConfigError"), "c");
    assert.equal(config.state?.waiting?.message, 'configmap "missing" not found');
    const failed = await node.waitFor("failed", ({ status }) => status?.phase === "Failed");
    assert.equal(statusOf(failed, "c").state?.terminated?.message, "why\n");
    const { items } = await node.client.list<Event>(resourceTypes.events, { namespace });
    const reasons = new Set(items.filter((event) => event.involvedObject.name === "crash").map(({ reason }) => reason));
    for (const reason of ["Pulled", "Created", "Started", "BackOff"]) assert.ok(reasons.has(reason), reason);
  });

  test("probes: readiness by HTTP, and liveness restarts", async () => {
    const server =
      "require('http').createServer((q, s) => { s.statusCode = global.sick ? 500 : 200; if (q.url === '/sick') sick = 1; s.end() }).listen(8080)";
    await node.createPod("probed", {
      containers: [
        {
          name: "c",
          image: "node",
          command: ["node", "-e", server],
          ports: [{ name: "web", containerPort: 8080 }],
          readinessProbe: { httpGet: { port: "web" }, periodSeconds: 1 },
          livenessProbe: { httpGet: { port: "web" }, periodSeconds: 1, failureThreshold: 1, initialDelaySeconds: 1 },
        },
      ],
    });
    const pod = await node.waitFor("probed", isReady);
    await fetch(`http://${pod.status?.podIP}:8080/sick`);
    await node.waitFor("probed", (latest) => statusOf(latest, "c").restartCount === 1 && isReady(latest));
  });

  test("volumes follow their ConfigMap, and a missing one is waited for", async () => {
    await node.createPod("volumes", {
      volumes: [{ name: "v", configMap: { name: "late" } }],
      containers: [sh("c", patient, { volumeMounts: [{ name: "v", mountPath: "/v" }] })],
    });
    await sleep(100);
    await node.client.create(resourceTypes.configMaps, {
      metadata: { namespace, name: "late" },
      data: { k: "1" },
    } as Pod);
    await node.waitFor("volumes", isReady);
    assert.equal((await node.exec("volumes", "c", "cat", "/v/k")).output, "1");
    await node.client.patch(resourceTypes.configMaps, {
      namespace,
      name: "late",
      patch: { data: { k: "2" } },
      as: "merge",
    });
    for (let tries = 0; (await node.exec("volumes", "c", "cat", "/v/k")).output !== "2"; tries += 1)
      assert.ok(tries < 50, "the change never came");
  });

  test("exec with a terminal, attach, port-forward and a followed log", async () => {
    await node.createPod("streams", {
      containers: [
        {
          name: "echo",
          image: "node",
          command: ["node", "-e", "require('net').createServer((s) => s.pipe(s)).listen(80, '127.0.0.1')"],
        },
        sh("shell", "cat; echo bye", { stdin: true }),
      ],
    });
    await node.waitFor("streams", isReady);
    const pod = { namespace, name: "streams" };
    const { streams } = node.runtime;
    const signal = AbortSignal.timeout(10_000);

    const screen = collector();
    const keys = new PassThrough();
    const exec = streams.exec(
      { ...pod, container: "echo" },
      {
        command: ["sh"],
        tty: true,
        stdin: keys,
        stdout: screen.collect,
        signal,
        onResize: (listener) => listener({ width: 101, height: 37 }),
      },
    );
    keys.write("stty size; exit 9\n");
    assert.deepEqual(await exec, { exitCode: 9 });
    assert.match(screen.text(), /37 101\r\n/);
    await assert.rejects(node.exec("streams", "echo", "no-such-program"), /no-such-program/);
    const reopened = await node.exec("streams", "echo", "sh", "-c", "echo out > /dev/stdout; exit 5");
    assert.deepEqual(reopened, { exitCode: 5, output: "out\n" });

    const connection = await streams.portForward(pod, 80);
    connection.write("ping");
    assert.equal(String(await new Promise((resolve) => connection.once("data", resolve))), "ping");
    connection.destroy();
    await assert.rejects(streams.portForward(pod, 81), /ECONNREFUSED/);

    const options = { follow: true, previous: false, timestamps: false, signal };
    const log = await streams.logs({ ...pod, container: "shell" }, options);
    const input = new PassThrough();
    const shown = collector();
    const attached = streams.attach(
      { ...pod, container: "shell" },
      { tty: false, stdin: input, stdout: shown.collect, signal },
    );
    input.write("hello\n");
    assert.equal(String(await new Promise((resolve) => log.once("data", resolve))), "hello\n");
    assert.equal(shown.text(), "hello\n");
    assert.ok(node.runtime.pidOf(namespace, "streams"));
    await node.client.delete(resourceTypes.pods, { ...pod, gracePeriodSeconds: 0 });
    await attached;
    await node.waitGone("streams");
  });

  test("after a crash the pods come back, their restarts counted", async () => {
    await node.createPod("survivor", {
      initContainers: [sh("init", "echo ready > /dev/termination-log")],
      containers: [sh("c", patient)],
    });
    await node.createPod("done", { restartPolicy: "Never", containers: [sh("c", "true")] });
    await node.waitFor("survivor", isReady);
    await node.waitFor("done", ({ status }) => status?.phase === "Succeeded");
    await node.restartRuntime();
    const pod = await node.waitFor("survivor", (latest) => isReady(latest) && statusOf(latest, "c").restartCount === 1);
    assert.equal(statusOf(pod, "c").lastState?.terminated?.exitCode, 137);
    assert.equal((await node.exec("survivor", "c", "true")).exitCode, 0);
    const done = await node.waitFor("done", () => true);
    assert.equal(done.status?.phase, "Succeeded");
    assert.equal(statusOf(done, "c").restartCount, 0);
  });
});
