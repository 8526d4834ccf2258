import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createKubeClient } from "#kube/client.ts";
import { startInformer } from "#kube/informer.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { KubeTransport } from "#kube/transport.ts";
import { silentLog } from "#log/log.ts";
import type { PodNetwork } from "../runtime/seams.ts";
import { run } from "./command.ts";
import { openHostFirewall } from "./host-firewall.ts";
import { removeNetworkLeftovers } from "./leftovers.ts";
import { createNodeLink, keepUplinksForwarding } from "./node-link.ts";
import { createPodNetwork } from "./pod-network.ts";
import { rangesOf } from "./ranges.ts";
import { startServiceRouting } from "./service-routing.ts";
import { createSliceIndex } from "./slice-index.ts";

/*
 * A machine of its own: this file runs itself again in fresh network and mount namespaces, where "outside" is a
 * namespace behind the default route.
 */
const inLab = process.env["WEFT_NETWORK_LAB"] === "1";
const canRun = process.getuid?.() === 0 && spawnSync("unshare", ["-m", "-n", "nft", "list", "ruleset"]).status === 0;

if (!inLab) {
  test("pods, services and the outside (in namespaces of their own)", { skip: !canRun && "needs root and nft" }, () => {
    const { status, stdout } = spawnSync(
      "unshare",
      [
        "--mount",
        "--net",
        "--propagation",
        "private",
        process.execPath,
        ...process.execArgv,
        "--test-reporter=spec",
        import.meta.filename,
      ],
      { encoding: "utf8", env: { ...process.env, WEFT_NETWORK_LAB: "1", NODE_TEST_CONTEXT: "" }, timeout: 60_000 },
    );
    assert.equal(status, 0, stdout);
  });
} else {
  describe("network", lab);
}

function lab(): void {
  const ranges = rangesOf(3);
  const folder = mkdtempSync(join(tmpdir(), "weft-network-"));
  const stop = new AbortController();
  const children: ChildProcess[] = [];
  const cluster = { name: "lab", index: 3, runDir: folder };
  let network: PodNetwork;
  const pods: Record<string, { netns: string; ip: string }> = {};
  const api = fakeApi();

  /** Answers every request with its name and the address it saw. */
  async function serve(netns: string, port: number, name: string): Promise<void> {
    const code = `require("http").createServer((q,s)=>s.end("${name} "+q.socket.remoteAddress.replace("::ffff:",""))).listen(${port},()=>console.log("up"))`;
    const child = spawn("nsenter", [`--net=${netns}`, process.execPath, "-e", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    await once(child.stdout, "data");
  }
  const curl = (netns: string, url: string) =>
    run("nsenter", [`--net=${netns}`, "curl", "-sS", "-m", "3", url]).catch((error: Error) => error.message);
  const here = "/proc/self/ns/net";
  const outside = join(folder, "outside");

  before(async () => {
    await run("ip", ["link", "set", "lo", "up"]);
    await run("touch", [outside]);
    await run("unshare", [`--net=${outside}`, "ip", "-batch", "-"], {
      input: `link set lo up\nlink add eth0 type veth peer name up0 netns ${process.pid}\naddr add 192.0.2.1/24 dev eth0\nlink set eth0 up\n`,
    });
    await run("ip", ["-batch", "-"], {
      input: "addr add 192.0.2.2/24 dev up0\nlink set up0 up\nroute add default via 192.0.2.1\n",
    });
    // As Docker leaves it.
    await run("iptables", ["-P", "FORWARD", "DROP"]);
    await createNodeLink(ranges);
    await openHostFirewall("lab", 3);
    keepUplinksForwarding(join(folder, "forwarding"), (error) => assert.fail(String(error)));
    network = createPodNetwork({ ranges, runDir: folder, log: silentLog });
    const attach = async (name: string) => {
      pods[name] = await network.attach({ uid: `uid-${name}`, namespace: "default", name, hostNetwork: false });
    };
    await Promise.all(["a", "b", "c"].map(attach));
    await Promise.all([
      serve(at("a").netns, 8080, "a"),
      serve(at("b").netns, 8080, "b"),
      serve(outside, 80, "outside"),
    ]);
    const options = { signal: stop.signal, log: silentLog };
    const client = createKubeClient(api.transport);
    await startServiceRouting({
      cluster: "lab",
      ranges,
      services: startInformer(client, resourceTypes.services, options),
      slices: createSliceIndex(startInformer(client, resourceTypes.endpointSlices, options)),
      log: silentLog,
      signal: stop.signal,
    });
  });

  after(async () => {
    stop.abort();
    for (const child of children) child.kill("SIGKILL");
    await run("umount", ["-l", outside]);
    rmSync(folder, { recursive: true, force: true });
  });

  const at = (name: string) => pods[name] ?? assert.fail(name);
  /** Waits for the rules, as a client would. */
  async function eventually(want: RegExp, look: () => Promise<string>): Promise<void> {
    let seen = "";
    for (let n = 0; n < 40; n++) {
      seen = await look();
      if (want.test(seen)) return;
      await sleep(50);
    }
    assert.match(seen, want);
  }
  const many = async (netns: string, url: string, times = 24) =>
    new Set(
      (await Promise.all(Array.from({ length: times }, () => curl(netns, url)))).map((answer) => answer.split(" ")[0]),
    );

  test("a pod has lo, a route and an address of its own; attaching again gives the same", async () => {
    assert.equal(await curl(at("a").netns, "http://127.0.0.1:8080"), "a 127.0.0.1");
    assert.deepEqual(
      await network.attach({ uid: "uid-a", namespace: "default", name: "a", hostNetwork: false }),
      at("a"),
    );
    assert.equal(new Set(Object.values(pods).map(({ ip }) => ip)).size, 3);
  });

  test("pod to pod keeps the source; host to pod comes from the node", async () => {
    assert.equal(await curl(at("c").netns, `http://${at("a").ip}:8080`), `a ${at("c").ip}`);
    assert.equal(await curl(here, `http://${at("a").ip}:8080`), `a ${ranges.nodeIp}`);
  });

  test("pods reach the outside behind the machine's address", async () => {
    assert.equal(await curl(at("c").netns, "http://192.0.2.1"), "outside 192.0.2.2");
  });

  test("a Service spreads over its ready endpoints, from pods, from the host and from outside", async () => {
    api.put("web", { clusterIP: "10.179.128.5", nodePort: 30080, loadBalancer: "10.179.192.1" }, [
      at("a").ip,
      at("b").ip,
    ]);
    await eventually(/^[ab]/, () => curl(at("c").netns, "http://10.179.128.5"));
    for (const url of ["http://10.179.128.5", "http://10.179.192.1"]) {
      assert.deepEqual(await many(at("c").netns, url), new Set(["a", "b"]), url);
      assert.deepEqual(await many(here, url), new Set(["a", "b"]), url);
    }
    assert.match(await curl(here, `http://${ranges.nodeIp}:30080`), /^[ab]/);
    assert.match(await curl(here, "http://192.0.2.2:30080"), /^[ab]/);
    assert.match(await curl(outside, "http://192.0.2.2:30080"), /^[ab] 192\.0\.2\.1$/);
    assert.match(await curl(at("c").netns, `http://${ranges.nodeIp}:30080`), /^[ab]/);
  });

  test("a pod reaches itself by its Service", async () => {
    assert.deepEqual(await many(at("a").netns, "http://10.179.128.5"), new Set(["a", "b"]));
  });

  test("an endpoint that goes gets nothing more; without any the connection is refused at once", async () => {
    api.put("web", { clusterIP: "10.179.128.5", nodePort: 30080, loadBalancer: "10.179.192.1" }, [at("b").ip]);
    await eventually(/^true$/, async () => String((await many(at("c").netns, "http://10.179.128.5", 8)).size === 1));
    assert.deepEqual(await many(at("c").netns, "http://10.179.128.5"), new Set(["b"]));
    api.put("web", { clusterIP: "10.179.128.5", nodePort: 30080, loadBalancer: "10.179.192.1" }, []);
    for (const [from, url] of [
      [at("c").netns, "http://10.179.128.5"],
      [here, "http://10.179.128.5"],
      [here, "http://10.179.192.1"],
      [at("c").netns, "http://10.179.128.99:81"],
    ] as const)
      await eventually(/Failed to connect|Couldn't connect|refused/i, () => curl(from, url));
  });

  test("with ClientIP affinity a client stays with its endpoint", async () => {
    api.put("sticky", { clusterIP: "10.179.128.6", affinity: true }, [at("a").ip, at("b").ip]);
    await eventually(/^[ab]/, () => curl(at("c").netns, "http://10.179.128.6"));
    assert.equal((await many(at("c").netns, "http://10.179.128.6")).size, 1);
    const before = await curl(at("c").netns, "http://10.179.128.6");
    api.put("sticky", { clusterIP: "10.179.128.6", affinity: true }, [at("a").ip, at("b").ip, at("c").ip]);
    await sleep(200);
    assert.equal(await curl(at("c").netns, "http://10.179.128.6"), before);
  });

  test("ip6tables works in a pod", async () => {
    await run("nsenter", [`--net=${at("a").netns}`, "ip6tables", "-t", "nat", "-N", "ISTIO_OUTPUT"]);
  });

  test("detach and the removal of leftovers leave nothing", async () => {
    await network.detach("uid-b");
    assert.doesNotMatch(readFileSync("/proc/self/mountinfo", "utf8"), /netns\/uid-b/);
    assert.equal((await run("ip", ["-o", "link", "show"])).match(/wf3-/g)?.length, 3, "two pods and the bridge");
    stop.abort();
    await removeNetworkLeftovers(cluster);
    assert.doesNotMatch(await run("ip", ["-o", "link", "show"]), /wf3-/);
    assert.doesNotMatch(await run("nft", ["list", "tables"]), /weft/);
    assert.equal((await run("iptables", ["-S", "FORWARD"])).trim(), "-P FORWARD DROP");
    await removeNetworkLeftovers(cluster);
  });
}

interface Exposed {
  readonly clusterIP: string;
  readonly nodePort?: number;
  readonly loadBalancer?: string;
  readonly affinity?: boolean;
}

/** Services and their slices over the client's transport: a list, and a watch that tells what `put` changes. */
function fakeApi() {
  let version = 1;
  const objects = { services: new Map<string, object>(), endpointslices: new Map<string, object>() };
  const watchers = new Set<(plural: string, line: string) => void>();
  const set = (plural: keyof typeof objects, name: string, object: object) => {
    const metadata = {
      name,
      namespace: "default",
      uid: name,
      resourceVersion: String(++version),
      labels: { "kubernetes.io/service-name": name },
    };
    const type = objects[plural].has(name) ? "MODIFIED" : "ADDED";
    objects[plural].set(name, { ...object, metadata });
    for (const tell of watchers) tell(plural, `${JSON.stringify({ type, object: { ...object, metadata } })}\n`);
  };
  const transport: KubeTransport = async ({ path, query, signal }) => {
    const plural = path.endsWith("services") ? "services" : "endpointslices";
    const list = { items: [...objects[plural].values()], metadata: { resourceVersion: String(version) } };
    async function* body(): AsyncGenerator<Uint8Array> {
      if (!query?.["watch"]) return yield Buffer.from(JSON.stringify(list));
      const lines: string[] = [];
      let wake = Promise.withResolvers<void>();
      const tell = (of: string, line: string) => {
        if (of === plural) lines.push(line);
        wake.resolve();
      };
      watchers.add(tell);
      signal?.addEventListener("abort", () => wake.resolve());
      for (;;) {
        if (signal?.aborted) return;
        await wake.promise;
        wake = Promise.withResolvers();
        while (lines.length > 0) yield Buffer.from(lines.shift() ?? "");
      }
    }
    return { status: 200, headers: {}, body: body() };
  };
  return {
    transport,
    put(name: string, { clusterIP, nodePort, loadBalancer, affinity }: Exposed, ips: readonly string[]) {
      set("endpointslices", name, {
        addressType: "IPv4",
        ports: [{ name: "http", port: 8080, protocol: "TCP" }],
        endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
      });
      set("services", name, {
        spec: {
          clusterIP,
          ports: [{ name: "http", port: 80, protocol: "TCP", ...(nodePort ? { nodePort } : {}) }],
          ...(affinity ? { sessionAffinity: "ClientIP" } : {}),
        },
        status: loadBalancer ? { loadBalancer: { ingress: [{ ip: loadBalancer }] } } : {},
      });
    },
  };
}
