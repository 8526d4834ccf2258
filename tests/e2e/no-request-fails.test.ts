import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { assertNoneFailed, type LoadResult, loadFromOutside, loadFromPod } from "./load.ts";
import { type Mesh, namespace, programs, startMesh, workload } from "./mesh.ts";
import { isRoot } from "./weft-command.ts";

const api = "networking.istio.io/v1";

function route(weights: Readonly<Record<string, number>>, gateways?: readonly string[]): object {
  return {
    apiVersion: api,
    kind: "VirtualService",
    metadata: { name: gateways ? "edge" : "server" },
    spec: {
      hosts: [gateways ? "*" : "server"],
      ...(gateways ? { gateways } : {}),
      http: [
        {
          route: Object.entries(weights).map(([subset, weight]) => ({
            destination: { host: `server.${namespace}.svc.cluster.local`, ...(subset ? { subset } : {}) },
            weight,
          })),
        },
      ],
    },
  };
}

describe("no request fails", { skip: !isRoot && "needs root" }, () => {
  let mesh: Mesh;
  const results = mkdtempSync(join(tmpdir(), "weft-load-"));

  before(async () => {
    mesh = await startMesh(`e2e-${process.pid}-l`);
    const ports = [{ name: "http", port: 80, targetPort: 8080 }];
    await mesh.apply(
      programs("server.ts", "load.ts"),
      ...workload({ name: "server", args: ["/programs/server.ts"], ports, replicas: 2 }),
      ...workload({ name: "server", args: ["/programs/server.ts"], version: "v2" }),
      ...workload({
        name: "slow",
        args: ["/programs/server.ts"],
        ports,
        annotations: { "proxy.istio.io/config": "proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: 'true'}" },
      }),
      ...workload({ name: "client", args: ["-e", "setInterval(() => {}, 1e9)"] }),
      {
        apiVersion: api,
        kind: "Gateway",
        metadata: { name: "edge" },
        spec: {
          selector: { istio: "ingressgateway" },
          servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
        },
      } as object,
      route({ "": 100 }, ["edge"]),
    );
    await Promise.all(["server-v1", "server-v2", "client-v1", "slow-v1"].map((name) => mesh.rolledOut(name)));
  });
  after(async () => {
    await mesh?.down();
    rmSync(results, { recursive: true, force: true });
  });

  /** Requests from the client's pod, through both sidecars. */
  const fromClient = (seconds: number): Promise<LoadResult> => loadFromPod(mesh, "client", "http://server/", seconds);
  /** Requests from the machine, through the gateway. */
  const fromOutside = (seconds: number): Promise<LoadResult> => loadFromOutside(`http://${mesh.gateway}/`, seconds);

  test("while the server is restarted, from inside and outside", async () => {
    const load = Promise.all([fromClient(25), fromOutside(25)]);
    await sleep(1_000);
    await mesh.restart("server-v1");
    for (const result of await load) assertNoneFailed(result);
  });

  test("while the gateway is restarted", async () => {
    const load = fromOutside(25);
    await sleep(1_000);
    await mesh.restart("istio-ingressgateway", "istio-system");
    assertNoneFailed(await load);
  });

  test("while the client is restarted", async () => {
    await mesh.apply(
      ...workload({
        name: "caller",
        args: ["/programs/load.ts", "http://server/", "600"],
        annotations: { "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true" },
        container: {
          command: ["sh", "-c", "exec node /programs/load.ts http://server/ 600 /results/$HOSTNAME.json"],
        },
        volumes: [{ name: "results", mountPath: "/results", source: { hostPath: { path: results } } }],
      }),
    );
    await mesh.rolledOut("caller-v1");
    await mesh.restart("caller-v1");
    await mesh.restart("caller-v1");
    const read = (): LoadResult[] =>
      readdirSync(results).map((file) => JSON.parse(readFileSync(join(results, file), "utf8")) as LoadResult);
    for (const end = Date.now() + 20_000; Date.now() < end && readdirSync(results).length < 2; ) await sleep(200);
    assert.equal(read().length, 2);
    for (const result of read()) assertNoneFailed(result, 50);
  });

  test("a pod that asks for it stays until its last connection has ended", async () => {
    const [pod] = await mesh.pods("client");
    const url = "http://slow/?ms=12000";
    const answer = mesh.run(pod?.metadata?.name ?? "", ["curl", "-sS", "-w", " %{http_code}", url], 40);
    await sleep(1_000);
    const [slow] = await mesh.pods("slow");
    await mesh.remove({ apiVersion: "v1", kind: "Pod", metadata: { name: slow?.metadata?.name ?? "" } });
    assert.equal(await answer, "v1 200");
  });

  test("while istiod is restarted, and configuration changes with it", async () => {
    const load = Promise.all([fromClient(25), fromOutside(25)]);
    await sleep(1_000);
    await mesh.restart("istiod", "istio-system");
    for (const result of await load) assertNoneFailed(result);
  });

  test("while weights change, and subsets come into being with the routes to them", async () => {
    const load = fromClient(25);
    await sleep(1_000);
    const subsets = ["v1", "v2"].map((version) => ({ name: version, labels: { version } }));
    const rule = { apiVersion: api, kind: "DestinationRule", metadata: { name: "server" } };
    await mesh.apply({ ...rule, spec: { host: "server", subsets } } as object);
    await sleep(1_500);
    for (const v2 of [50, 10, 100, 0, 30]) {
      await mesh.apply(route({ v1: 100 - v2, v2 }));
      await sleep(1_500);
    }
    await mesh.remove(route({}));
    await mesh.remove(rule);
    await sleep(1_500);
    const fresh = subsets.map(({ name, labels }) => ({ name: `new-${name}`, labels }));
    await mesh.apply(
      { ...rule, spec: { host: "server", subsets: fresh } } as object,
      route({ "new-v1": 50, "new-v2": 50 }),
    );
    const result = await load;
    assertNoneFailed(result);
    assert.ok((result.seen["v2"] ?? 0) > 50, JSON.stringify(result.seen));
  });
});
