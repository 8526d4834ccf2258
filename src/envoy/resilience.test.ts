import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, get, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Node, Pod } from "kubernetes-types/core/v1.d.ts";
import type { TrafficPolicy } from "#api/istio/destination-rule.ts";
import type { HTTPRoute } from "#api/istio/virtual-service.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import {
  bookinfo,
  destinationRule,
  gateway,
  ingressProxy,
  keyed,
  pod,
  slice,
  virtualService,
} from "./bookinfo.fixture.ts";
import { noEnvoy, staticBootstrap } from "./static-bootstrap.fixture.ts";

/** A server behind the gateway: what answers, and where it is. Without an answer nothing listens there. */
interface Backend {
  readonly answer?: RequestListener;
  readonly zone?: string;
}

interface Scenario {
  readonly backends: readonly Backend[];
  readonly policy?: TrafficPolicy;
  readonly route?: HTTPRoute;
}

interface Front {
  /** Status and body. */
  ask(): Promise<{ readonly status: number; readonly body: string }>;
  /** Value of a statistic of the gateway's cluster for the backends. */
  stat(name: string): Promise<number>;
  /** The response flags of all requests so far, in order. Envoy writes its log now and then. */
  flags(count: number): Promise<readonly string[]>;
  /** Ends the servers. */
  readonly stop: readonly (() => Promise<void>)[];
}

const ok: RequestListener = (_, response) => response.end("ok");
const bad: RequestListener = (_, response) => {
  response.statusCode = 500;
  response.end("bad");
};

async function freePort(address = "127.0.0.1"): Promise<number> {
  const server = createTcpServer().listen(0, address);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function listen(t: TestContext, answer: RequestListener, address: string, port: number) {
  const server = createServer(answer).listen(port, address);
  await once(server, "listening");
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  t.after(stop);
  return stop;
}

const region = "topology.kubernetes.io/region";
const zone = "topology.kubernetes.io/zone";

/** Envoy as gateway in zone `a`, with the service `reviews` behind it. */
async function start(t: TestContext, { backends, policy, route = {} }: Scenario): Promise<Front> {
  const folder = mkdtempSync(join(tmpdir(), "weft-resilience-"));
  const [port, target] = [await freePort(), await freePort("0.0.0.0")];
  const pods: Pod[] = [];
  const stop: (() => Promise<void>)[] = [];
  for (const [index, { answer, zone: place = "a" }] of backends.entries()) {
    const address = `127.0.0.${index + 21}`;
    const { spec, ...rest } = pod(`reviews-${index}`, address, { app: "reviews" });
    pods.push({ ...rest, spec: { ...spec, containers: [], nodeName: place } });
    if (answer) stop.push(await listen(t, answer, address, target));
  }
  const nodes = ["a", "b"].map((name): [string, Node] => [
    name,
    { metadata: { name, labels: { [region]: "r", [zone]: name } } },
  ]);
  const input = bookinfo({
    meshConfig: { ...defaultMeshConfig, accessLogFile: join(folder, "log"), accessLogFormat: "%RESPONSE_FLAGS%\n" },
    nodes: new Map(nodes),
    pods: keyed(pods),
    endpointSlices: keyed([slice("reviews", pods, target)]),
    destinationRules: policy
      ? keyed([destinationRule("reviews", { host: "reviews", trafficPolicy: policy })])
      : new Map(),
    virtualServices: keyed([
      virtualService("web", {
        hosts: ["*"],
        gateways: ["front"],
        http: [{ route: [{ destination: { host: "reviews" } }], ...route }],
      }),
    ]),
    gateways: keyed([
      gateway("front", {
        selector: { istio: "ingressgateway" },
        servers: [{ port: { number: port, name: "http", protocol: "HTTP" }, hosts: ["*"], bind: "127.0.0.1" }],
      }),
    ]),
  });
  const locality = { region: "r", zone: "a", subzone: "" };
  const bootstrap = {
    ...staticBootstrap(input, { ...ingressProxy, name: "elsewhere", locality }),
    admin: { address: { socketAddress: { address: "127.0.0.1", portValue: 0 } } },
  };
  writeFileSync(join(folder, "envoy.json"), JSON.stringify(bootstrap));
  const where = ["--admin-address-path", join(folder, "admin"), "--file-flush-interval-msec", "50"];
  const args = ["-c", join(folder, "envoy.json"), "--use-dynamic-base-id", "--concurrency", "1", ...where];
  const envoy = spawn(findEnvoy() ?? "", [...args, "--log-level", "error"], { stdio: "ignore" });
  t.after(async () => {
    envoy.kill("SIGKILL");
    if (envoy.exitCode === null) await once(envoy, "exit");
    rmSync(folder, { recursive: true, force: true });
  });

  async function page(address: string, path: string): Promise<{ status: number; body: string }> {
    const [response] = (await once(get(`http://${address}${path}`, { agent: false }), "response")) as [IncomingMessage];
    let body = "";
    for await (const part of response) body += String(part);
    return { status: response.statusCode ?? 0, body };
  }
  const admin = (): string => readFileSync(join(folder, "admin"), "utf8").trim();
  for (let tries = 0; ; tries++) {
    try {
      if ((await page(admin(), "/ready")).status === 200) break;
    } catch (error) {
      if (tries > 100) throw error;
    }
    await sleep(100);
  }
  return {
    ask: () => page(`127.0.0.1:${port}`, "/"),
    async stat(name) {
      const { body } = await page(admin(), `/stats?filter=reviews.*${name}$`);
      return Number(/: (\d+)$/m.exec(body)?.[1] ?? "0");
    },
    async flags(count) {
      for (let tries = 0; ; tries++) {
        const lines = readFileSync(join(folder, "log"), "utf8").trim().split("\n");
        if ((lines[0] !== "" && lines.length >= count) || tries > 40) return lines;
        await sleep(50);
      }
    },
    stop,
  };
}

async function tally(front: Front, requests: number): Promise<Readonly<Record<string, number>>> {
  const seen: Record<string, number> = {};
  for (let count = 0; count < requests; count++) {
    const { status, body } = await front.ask();
    const key = status === 200 ? body : String(status);
    seen[key] = (seen[key] ?? 0) + 1;
  }
  return seen;
}

describe("what goes wrong behind a gateway", { skip: noEnvoy, concurrency: 2 }, () => {
  test("by default, a connection that fails is tried again elsewhere", async (t) => {
    const front = await start(t, { backends: [{ answer: ok }, {}] });
    assert.deepEqual(await tally(front, 20), { ok: 20 });
    assert.ok((await front.stat("upstream_rq_retry")) > 0);
  });

  test("without retries it is an error, with its flag", async (t) => {
    const front = await start(t, { backends: [{}], route: { retries: { attempts: 0 } } });
    assert.equal((await front.ask()).status, 503);
    assert.deepEqual(await front.flags(1), ["UF"]);
  });

  test("by default, an answer is an answer: 503 of the application isn't asked for again", async (t) => {
    let asked = 0;
    const answer: RequestListener = (_, response) => {
      asked += 1;
      response.statusCode = 503;
      response.end("busy");
    };
    const front = await start(t, { backends: [{ answer }] });
    assert.equal((await front.ask()).body, "busy");
    assert.equal(asked, 1);
  });

  test("a try that takes longer than it may is followed by another", async (t) => {
    let asked = 0;
    const answer: RequestListener = (_, response) => {
      asked += 1;
      setTimeout(() => response.end("ok"), asked === 1 ? 5_000 : 0).unref();
    };
    const retries = { attempts: 2, perTryTimeout: "300ms", retryOn: "5xx" };
    const front = await start(t, { backends: [{ answer }], route: { retries } });
    const before = performance.now();
    assert.deepEqual(await front.ask(), { status: 200, body: "ok" });
    assert.ok(performance.now() - before < 3_000);
    assert.equal(asked, 2);
  });

  test("what doesn't fit into the pool is counted, and answered 503 with UO", async (t) => {
    const answer: RequestListener = (_, response) => void setTimeout(() => response.end("ok"), 500);
    const connectionPool = { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 1 } };
    const front = await start(t, { backends: [{ answer }], policy: { connectionPool } });
    const all = await Promise.all(Array.from({ length: 10 }, () => front.ask()));
    const refused = all.filter(({ status }) => status === 503).length;
    assert.equal(all.filter(({ status }) => status === 200).length, 10 - refused);
    assert.ok(refused >= 6 && refused < 10, String(refused));
    assert.equal((await front.flags(10)).filter((flags) => flags.includes("UO")).length, refused);
    assert.ok((await front.stat("upstream_rq_pending_overflow")) >= refused);
  });

  test("a server that fails is left out, and comes back", async (t) => {
    let healed = false;
    const sick: RequestListener = (request, response) => (healed ? response.end("healed") : bad(request, response));
    const outlierDetection = {
      consecutive5xxErrors: 1,
      interval: "500ms",
      baseEjectionTime: "2s",
      maxEjectionPercent: 100,
    };
    const front = await start(t, { backends: [{ answer: ok }, { answer: sick }], policy: { outlierDetection } });
    while ((await front.stat("ejections_active")) === 0) await front.ask();
    assert.deepEqual(await tally(front, 20), { ok: 20 });
    healed = true;
    for (const end = Date.now() + 10_000; Date.now() < end && (await front.stat("ejections_active")) > 0; )
      await sleep(100);
    const seen = await tally(front, 40);
    assert.ok((seen["healed"] ?? 0) > 5, JSON.stringify(seen));
  });

  test("with nobody left the answer is 503: no healthy upstream, UH", async (t) => {
    const outlierDetection = { consecutive5xxErrors: 1, baseEjectionTime: "60s", maxEjectionPercent: 100 };
    const front = await start(t, { backends: [{ answer: bad }, { answer: bad }], policy: { outlierDetection } });
    // Envoy brings changes of health that follow each other together, a second later.
    let asked = 1;
    let last = await front.ask();
    for (; asked < 100 && last.status !== 503; asked++) {
      await sleep(50);
      last = await front.ask();
    }
    assert.deepEqual(last, { status: 503, body: "no healthy upstream" });
    assert.equal((await front.flags(asked)).at(-1), "UH");
  });

  test("with too few left all are asked again: the panic threshold", async (t) => {
    const outlierDetection = {
      consecutive5xxErrors: 1,
      baseEjectionTime: "60s",
      maxEjectionPercent: 100,
      minHealthPercent: 60,
    };
    const front = await start(t, { backends: [{ answer: bad }, { answer: bad }], policy: { outlierDetection } });
    while ((await front.stat("ejections_active")) < 2) await front.ask();
    await sleep(1_500);
    assert.deepEqual(await front.ask(), { status: 500, body: "bad" });
    assert.ok((await front.stat("lb_healthy_panic")) > 0);
  });

  test("calls stay in their zone, and go to another when it dies", async (t) => {
    const named =
      (name: string): RequestListener =>
      (_, response) =>
        void response.end(name);
    const front = await start(t, {
      backends: [
        { answer: named("a"), zone: "a" },
        { answer: named("b"), zone: "b" },
      ],
      policy: {
        outlierDetection: { consecutive5xxErrors: 1, interval: "1s", baseEjectionTime: "60s", maxEjectionPercent: 100 },
      },
    });
    assert.deepEqual(await tally(front, 20), { a: 20 });
    await front.stop[0]?.();
    await tally(front, 5);
    assert.deepEqual(await tally(front, 20), { b: 20 });
  });
});
