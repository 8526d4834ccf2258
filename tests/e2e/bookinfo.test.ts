import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { createKubeClient, type KubeClient } from "#kube/client.ts";
import { createHttpsTransport } from "#kube/https-transport.ts";
import { loadKubeConfig } from "#kube/kubeconfig.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { bookinfo, deployBookinfo, gatewayAddress, installMesh, pageAnswers } from "../../src/demo/bookinfo.ts";
import { nothing, tracesOf } from "./traces.ts";
import { createWeftCommand, hasKubectl, isRoot } from "./weft-command.ts";

const run = promisify(execFile);
const name = `e2e-${process.pid}-m`;
const bin = join(import.meta.dirname, "..", "..", "bin");

/** Processes called envoy in the network namespace of another process. */
function envoysBeside(pid: string): number[] {
  const namespace = readlinkSync(`/proc/${pid}/ns/net`);
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        return (
          readFileSync(`/proc/${entry}/comm`, "utf8").trim() === "envoy" &&
          readlinkSync(`/proc/${entry}/ns/net`) === namespace
        );
      } catch {
        return false; // It ended meanwhile.
      }
    })
    .map(Number);
}

describe("Bookinfo through the mesh", { skip: !isRoot && "needs root" }, () => {
  const weft = createWeftCommand({ WEFT_CLUSTER: name });
  const env = { ...process.env, KUBECONFIG: weft.kubeconfig, WEFT_CLUSTER: name };
  let client: KubeClient;
  let index: number;
  let gateway: string;

  /** What it prints, on both streams. */
  const istioctl = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await run(join(bin, "istioctl"), args, { env, maxBuffer: 64 * 1024 * 1024 });
    return stdout + stderr;
  };
  const kubectl = async (...args: string[]): Promise<string> => (await run("kubectl", args, { env })).stdout;

  before(async () => {
    const up = await weft.run("up");
    assert.equal(up.code, 0, up.stderr);
    client = createKubeClient(createHttpsTransport(loadKubeConfig({ path: weft.kubeconfig })));
    index = (JSON.parse(readFileSync(`/var/lib/weft/${name}/cluster.json`, "utf8")) as { index: number }).index;
    await installMesh(`weft-${name}`, env);
    await deployBookinfo(client);
    gateway = await gatewayAddress(client);
    await pageAnswers(`http://${gateway}/productpage`);
  });
  after(async () => {
    await weft.run("down");
    weft.remove();
  });

  /** The version of reviews that answered one request. */
  async function reviewsSeen(user?: string): Promise<"v1" | "v2" | "v3" | "error"> {
    const headers: Record<string, string> = user ? { cookie: await login(user) } : {};
    const answer = await fetch(`http://${gateway}/api/v1/products/0/reviews`, { headers });
    const text = await answer.text();
    if (answer.status !== 200) return "error";
    if (/"color":\s*"red"/.test(text)) return "v3";
    return /"color":\s*"black"/.test(text) ? "v2" : "v1";
  }

  async function login(user: string): Promise<string> {
    const answer = await fetch(`http://${gateway}/login`, {
      method: "POST",
      redirect: "manual",
      headers: { referer: `http://${gateway}/productpage` },
      body: new URLSearchParams({ username: user, passwd: "x" }),
    });
    return answer.headers
      .getSetCookie()
      .map((cookie) => cookie.split(";", 1)[0])
      .join("; ");
  }

  async function tally(requests: number, user?: string): Promise<Readonly<Record<string, number>>> {
    const seen: Record<string, number> = {};
    for (let count = 0; count < requests; count++) {
      const version = await reviewsSeen(user);
      seen[version] = (seen[version] ?? 0) + 1;
    }
    return seen;
  }

  /** Asks until the answers are as wanted; fails with the last ones. */
  async function eventually(what: () => Promise<unknown>, wanted: unknown, seconds = 15): Promise<void> {
    let last: unknown;
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(200)) {
      last = await what();
      if (JSON.stringify(last) === JSON.stringify(wanted)) return;
    }
    assert.deepEqual(last, wanted);
  }

  const apply = (file: string): Promise<string> => kubectl("apply", "-f", join(bookinfo, "networking", file));

  test("without rules all versions answer; the gateway answers 404 for what isn't routed", async () => {
    const seen = await tally(45);
    assert.deepEqual(Object.keys(seen).sort(), ["v1", "v2", "v3"]);
    assert.equal((await fetch(`http://${gateway}/nothing`)).status, 404);
  });

  test("every proxy has taken its config, and analyze finds nothing", async () => {
    const statuses = await istioctl("proxy-status");
    assert.match(statuses, /^productpage-v1-\S+\.default\s/m);
    assert.match(statuses, /^istio-ingressgateway-\S+\.istio-system\s/m);
    assert.doesNotMatch(statuses, /STALE|ERROR/);
    assert.match(await istioctl("analyze"), /No validation issues found/);
  });

  test("rules send requests by user and by weight", { skip: !hasKubectl && "there is no kubectl" }, async () => {
    await apply("destination-rule-all.yaml");
    await apply("virtual-service-all-v1.yaml");
    await eventually(() => tally(10), { v1: 10 });
    await apply("virtual-service-reviews-jason-v2-v3.yaml");
    await eventually(() => tally(10), { v3: 10 });
    assert.deepEqual(await tally(5, "jason"), { v2: 5 });
    await apply("virtual-service-reviews-90-10.yaml");
    await eventually(async () => ((await tally(5))["v3"] ?? 0) < 5, true);
    const { v1 = 0, v2 = 0, v3 = 0, error = 0 } = await tally(100);
    assert.ok(v1 >= 75 && v2 >= 1 && v3 === 0 && error === 0, JSON.stringify({ v1, v2, v3, error }));
  });

  test("a VirtualService that can't be used is refused with resource, field and value; the last one serves on", {
    skip: !hasKubectl && "there is no kubectl",
  }, async () => {
    await apply("virtual-service-reviews-v3.yaml");
    await eventually(() => tally(5), { v3: 5 });
    const patch = '{"spec":{"http":[{"route":[{"destination":{"host":"reviews"},"weight":-5}]}]}}';
    await assert.rejects(
      () => kubectl("patch", "virtualservice", "reviews", "--type=merge", "-p", patch),
      (error: Error & { stderr?: string }) =>
        /VirtualService default\/reviews/.test(error.stderr ?? "") && /spec\.http\[0\].*-5/s.test(error.stderr ?? ""),
    );
    assert.deepEqual(await tally(5), { v3: 5 });
  });

  test("a pod's Envoy that is killed comes back", async () => {
    const { items } = await client.list<Pod>(resourceTypes.pods, {
      namespace: "default",
      labelSelector: "app=reviews,version=v3",
    });
    const pod = items[0]?.metadata?.name ?? "";
    const pid = (await weft.run("pid", pod)).stdout.trim();
    const owned = envoysBeside(pid);
    assert.equal(owned.length, 1, `Envoys in ${pod}: ${owned.join(" ")}`);
    process.kill(owned[0] ?? 0, "SIGKILL");
    await eventually(() => tally(5), { v3: 5 }, 30);
  });

  test("istiod's end leaves traffic alone, and a new one takes over", async () => {
    const { items } = await client.list<Pod>(resourceTypes.pods, {
      namespace: "istio-system",
      labelSelector: "app=istiod",
    });
    await client.delete(resourceTypes.pods, { namespace: "istio-system", name: items[0]?.metadata?.name ?? "" });
    assert.deepEqual(await tally(20), { v3: 20 });
    await eventually(
      async () => {
        const told = await istioctl("proxy-status").catch((error: Error) => error.message);
        return /^productpage-v1-/m.test(told) || told;
      },
      true,
      60,
    );
    assert.deepEqual(await tally(20), { v3: 20 });
  });

  test("kube-inject gives a manifest with sidecars", async () => {
    const text = await istioctl("kube-inject", "-f", join(bookinfo, "platform", "kube", "bookinfo.yaml"));
    assert.equal(text.match(/name: istio-proxy$/gm)?.length, 6);
    assert.equal(text.match(/name: istio-init$/gm)?.length, 6);
  });

  test("uninstall takes the control plane away; down leaves nothing", async () => {
    await istioctl("uninstall", "--purge", "-y");
    const { items } = await client.list<Pod>(resourceTypes.pods, { namespace: "istio-system" });
    assert.deepEqual(
      items.filter(({ metadata }) => !metadata?.deletionTimestamp).map(({ metadata }) => metadata?.name),
      [],
    );
    assert.equal((await weft.run("down")).code, 0);
    assert.deepEqual(tracesOf(name, index), nothing);
  });
});
