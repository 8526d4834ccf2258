import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConfigMap, Pod, Service } from "kubernetes-types/core/v1.d.ts";
import { createKubeClient, type KubeClient } from "#kube/client.ts";
import { execInPod } from "#kube/exec.ts";
import { createHttpsTransport } from "#kube/https-transport.ts";
import { type Informer, startInformer } from "#kube/informer.ts";
import { loadKubeConfig } from "#kube/kubeconfig.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { silentLog } from "#log/log.ts";
import { nothing, tracesOf } from "./traces.ts";
import { createWeftCommand, hasKubectl, isRoot } from "./weft-command.ts";

const one = `e2e-${process.pid}-a`;
const two = `e2e-${process.pid}-b`;

describe("a cluster from up to down", { skip: !isRoot && "needs root" }, () => {
  const weft = createWeftCommand();
  const ended = new AbortController();
  let configMaps: Informer<ConfigMap>;
  const seen: string[] = [];

  after(async () => {
    ended.abort();
    await weft.run("down", "--name", one);
    await weft.run("down", "--name", two);
    weft.remove();
  });

  const configOf = (name: string) => loadKubeConfig({ path: weft.kubeconfig, context: `weft-${name}` });
  const clientOf = (name: string): KubeClient => createKubeClient(createHttpsTransport(configOf(name)));
  const indexOf = (name: string): number =>
    (JSON.parse(readFileSync(`/var/lib/weft/${name}/cluster.json`, "utf8")) as { index: number }).index;
  const inPod = (name: string, pod: string, ...command: string[]) =>
    execInPod(configOf(name), {
      namespace: "default",
      pod,
      container: "app",
      command,
      timeoutMs: 10_000,
      maxOutputBytes: 1e6,
    });

  async function runningPod(client: KubeClient, name: string, seconds = 30): Promise<Pod> {
    let pod: Pod | undefined;
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(100)) {
      pod = await client.find<Pod>(resourceTypes.pods, { namespace: "default", name });
      if (pod?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True")) return pod;
    }
    assert.fail(`pod ${name} isn't ready: ${JSON.stringify(pod?.status, null, 1)}`);
  }

  async function runWeb(client: KubeClient): Promise<void> {
    const code =
      'console.log("hello from the pod");require("http").createServer((q,s)=>s.end("web "+process.env.POD)).listen(8080)';
    await client.create<Pod>(resourceTypes.pods, {
      metadata: { name: "web", namespace: "default", labels: { app: "web" } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          { name: "app", image: "node:24", command: ["node", "-e"], args: [code], env: [{ name: "POD", value: "1" }] },
        ],
      },
    });
    await client.create<Service>(resourceTypes.services, {
      metadata: { name: "site", namespace: "default" },
      spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] },
    });
  }

  test("up gives a context that works, and again changes nothing", async () => {
    const first = await weft.run("up", "--name", one);
    assert.equal(first.code, 0, first.stderr);
    assert.equal(loadKubeConfig({ path: weft.kubeconfig }).context, `weft-${one}`);
    const before = readFileSync(weft.kubeconfig, "utf8");
    const again = await weft.run("up", "--name", one);
    assert.equal(again.code, 0, again.stderr);
    assert.match(again.stderr, /is running/);
    assert.equal(readFileSync(weft.kubeconfig, "utf8"), before);
    assert.match((await weft.run("status")).stdout, new RegExp(`^${one} +ready `, "m"));
  });

  test("a pod runs: name service, exec, logs, weft pid", async () => {
    const client = clientOf(one);
    await runWeb(client);
    const pod = await runningPod(client, "web");
    const viaService = await inPod(
      one,
      "web",
      "curl",
      "-sS",
      "--retry",
      "5",
      "--retry-connrefused",
      "-m",
      "5",
      "http://site",
    );
    assert.equal(viaService.stdout.toString(), "web 1", viaService.stderr);
    const node =
      'require("dns").promises.lookup("kubernetes.default.svc.cluster.local").then(r=>console.log(r.address))';
    const api = await inPod(one, "web", "node", "-e", node);
    assert.match(api.stdout.toString(), /^10\.\d+\.128\.1\n$/, api.stderr);
    assert.equal((await inPod(one, "web", "sh", "-c", "exit 7")).exitCode, 7);
    const logs = await client.transport({ method: "GET", path: "/api/v1/namespaces/default/pods/web/log" });
    assert.equal(Buffer.concat(await Array.fromAsync(logs.body)).toString(), "hello from the pod\n");
    const pid = (await weft.run("pid", "--name", one, "web")).stdout.trim();
    const address = spawnSync("nsenter", ["-t", pid, "-n", "ip", "-4", "-o", "addr", "show", "eth0"], {
      encoding: "utf8",
    });
    assert.match(address.stdout, new RegExp(` ${pod.status?.podIP}/32 `));
  });

  test("a connection to a pod that isn't there fails soon", async () => {
    const { exitCode, stderr } = await inPod(one, "web", "curl", "-sS", "-m", "8", `10.${176 + indexOf(one)}.0.250`);
    assert.equal(exitCode, 7, `curl can't connect, and doesn't wait in vain (28): ${stderr}`);
  });

  test("kubectl works", { skip: !hasKubectl && "there is no kubectl" }, () => {
    const kubectl = (...args: string[]) =>
      spawnSync("kubectl", args, { encoding: "utf8", env: { ...process.env, KUBECONFIG: weft.kubeconfig } });
    assert.match(kubectl("get", "nodes").stdout, / Ready /);
    assert.equal(kubectl("exec", "web", "--", "echo", "yes").stdout, "yes\n");
    assert.equal(kubectl("logs", "web").stdout, "hello from the pod\n");
  });

  test("an unknown image says what to do", async () => {
    const client = clientOf(one);
    await client.create<Pod>(resourceTypes.pods, {
      metadata: { name: "unknown", namespace: "default" },
      spec: { containers: [{ name: "app", image: "nginx:1.29" }] },
    });
    let message: string | undefined;
    for (const end = Date.now() + 10_000; Date.now() < end && !message; await sleep(100)) {
      const pod = await client.get<Pod>(resourceTypes.pods, { namespace: "default", name: "unknown" });
      const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting;
      if (waiting?.reason === "ErrImagePull" || waiting?.reason === "ImagePullBackOff") message = waiting.message;
    }
    assert.match(message ?? "", /weft image add nginx/);
    await client.delete(resourceTypes.pods, { namespace: "default", name: "unknown", gracePeriodSeconds: 0 });
  });

  test("a second cluster runs beside the first", async () => {
    const result = await weft.run("up", "--name", two);
    assert.equal(result.code, 0, result.stderr);
    await runWeb(clientOf(two));
    const pod = await runningPod(clientOf(two), "web");
    assert.equal(
      (
        await inPod(two, "web", "curl", "-sS", "--retry", "5", "--retry-connrefused", "-m", "5", "http://site")
      ).stdout.toString(),
      "web 1",
    );
    const other = await runningPod(clientOf(one), "web");
    assert.notEqual(pod.status?.podIP, other.status?.podIP);
    assert.notEqual(configOf(one).server, configOf(two).server);
  });

  test("down removes every trace, and leaves the other alone", async () => {
    const index = indexOf(two);
    assert.notDeepEqual(tracesOf(two, index), nothing, "the test finds what a cluster has");
    const result = await weft.run("down", "--name", two);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(tracesOf(two, index), nothing);
    assert.throws(() => configOf(two), /no context/);
    assert.equal((await inPod(one, "web", "curl", "-sS", "-m", "5", "http://site")).stdout.toString(), "web 1");
  });

  test("after kill -9, up brings everything back and a watch misses nothing", async () => {
    const client = clientOf(one);
    configMaps = startInformer<ConfigMap>(client, resourceTypes.configMaps, {
      signal: ended.signal,
      log: silentLog,
      namespace: "default",
    });
    await configMaps.synced;
    configMaps.onChange(({ key, after }) => seen.push(`${after ? "+" : "-"}${key.split("/")[1]}`));
    const put = (name: string) =>
      client.create<ConfigMap>(resourceTypes.configMaps, { metadata: { name, namespace: "default" } });
    await put("before");
    const uid = (await runningPod(client, "web")).metadata?.uid;
    const { stdout } = await weft.run("status", "--json");
    const clusters = JSON.parse(stdout) as { name: string; daemon?: { pid: number } }[];
    const pid = clusters.find(({ name }) => name === one)?.daemon?.pid;
    assert.ok(pid);
    process.kill(pid, "SIGKILL");
    while ((await weft.run("status")).stdout.match(new RegExp(`^${one} +ready`, "m"))) await sleep(50);
    const again = await weft.run("up", "--name", one);
    assert.equal(again.code, 0, again.stderr);
    await put("after");
    const pod = await runningPod(client, "web");
    assert.equal(pod.metadata?.uid, uid, "the same pod");
    assert.equal(
      (
        await inPod(one, "web", "curl", "-sS", "--retry", "9", "--retry-connrefused", "-m", "9", "http://site")
      ).stdout.toString(),
      "web 1",
    );
    for (const end = Date.now() + 15_000; Date.now() < end && !seen.includes("+after"); ) await sleep(100);
    assert.deepEqual(
      seen.filter((change) => /before|after/.test(change)),
      ["+before", "+after"],
    );
  });

  test("down after a crash removes every trace", async () => {
    const index = indexOf(one);
    const { stdout } = await weft.run("status", "--json");
    const clusters = JSON.parse(stdout) as { name: string; daemon?: { pid: number } }[];
    process.kill(clusters.find(({ name }) => name === one)?.daemon?.pid ?? assert.fail("no daemon"), "SIGKILL");
    const result = await weft.run("down", "--name", one);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(tracesOf(one, index), nothing);
    assert.equal((await weft.run("down", "--name", one)).code, 0, "a second time is no failure");
  });
});
