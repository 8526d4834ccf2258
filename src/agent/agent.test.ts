import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { startTestIstiod, type TestIstiod } from "./test-istiod.ts";

const envoy = findEnvoy() ?? "";
const skip = envoy === "" ? "there is no Envoy" : false;

const dir = mkdtempSync(join(tmpdir(), "weft-agent-"));
const lines: string[] = [];
let ports: { admin: number; status: number; prometheus: number; ready: number };
let istiod: TestIstiod;
let istiodPort: number;
let app: http.Server;
let agent: ChildProcess;

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const found = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return found;
}

async function get(port: number, path: string, method = "GET"): Promise<{ status: number; body: string }> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method });
    return { status: answer.status, body: await answer.text() };
  } catch {
    return { status: 0, body: "" };
  }
}

async function eventually(what: string, check: () => Promise<boolean> | boolean, seconds = 10): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`${what} didn't happen; the agent said:\n${lines.join("")}`);
    await sleep(50);
  }
}

function startAgent(): void {
  const appPort = (app.address() as AddressInfo).port;
  const config = {
    configPath: dir,
    binaryPath: envoy,
    discoveryAddress: `127.0.0.1:${istiodPort}`,
    controlPlaneAuthPolicy: "NONE",
    proxyAdminPort: ports.admin,
    statusPort: ports.status,
    terminationDrainDuration: "1s",
  };
  writeFileSync(join(dir, "token"), "secret\n");
  writeFileSync(join(dir, "labels"), 'app="reviews"\nversion="v1"\n');
  const arguments_ = ["proxy", "sidecar", "--domain", "default.svc.cluster.local", "--concurrency", "1"];
  agent = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), ...arguments_], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: process.env["PATH"],
      POD_NAME: "reviews-v1-0",
      POD_NAMESPACE: "default",
      INSTANCE_IP: "127.0.0.1",
      PROXY_CONFIG: JSON.stringify(config),
      ISTIO_TOKEN_PATH: join(dir, "token"),
      ISTIO_POD_INFO: dir,
      WORKLOAD_IDENTITY_DIR: dir,
      ENVOY_PROMETHEUS_PORT: String(ports.prometheus),
      ENVOY_STATUS_PORT: String(ports.ready),
      ISTIO_META_WORKLOAD_NAME: "reviews-v1",
      WEFT_BOOTSTRAP_PATCH: JSON.stringify({
        layered_runtime: { layers: [{ name: "patch", static_layer: { "weft.test": "patched" } }] },
      }),
      ISTIO_KUBE_APP_PROBERS: JSON.stringify({
        "/app-health/app/readyz": { httpGet: { port: appPort, path: "/health" } },
        "/app-health/app/livez": { tcpSocket: { port: appPort } },
        "/app-health/app/startupz": { tcpSocket: { port: 1 } },
      }),
      ISTIO_PROMETHEUS_ANNOTATIONS: JSON.stringify({ scrape: "true", port: String(appPort), path: "/metrics" }),
    },
  });
  agent.stderr?.on("data", (chunk: Buffer) => lines.push(chunk.toString()));
}

if (!skip) {
  before(async () => {
    const [admin = 0, status = 0, prometheus = 0, ready = 0, xds = 0] = await freePorts(5);
    ports = { admin, status, prometheus, ready };
    istiodPort = xds;
    app = http.createServer((request, response) => {
      if (request.url === "/metrics") response.end("# TYPE orders counter\norders 3\n# EOF\n");
      else response.writeHead(request.url === "/health" ? 204 : 404).end();
    });
    await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
    startAgent();
  });
  after(async () => {
    const pid = await envoyPid();
    agent.kill("SIGKILL");
    if (pid !== undefined) process.kill(pid, "SIGKILL");
    app.close();
    await istiod.stop();
    rmSync(dir, { recursive: true, force: true });
  });
}

async function envoyPid(): Promise<number | undefined> {
  const { status, body } = await get(ports.status, "/debug");
  return status === 200 ? (JSON.parse(body) as { envoy: { pid?: number } }).envoy.pid : undefined;
}

test("the bootstrap is one that Envoy accepts, and names the pod", { skip }, async () => {
  await eventually("the bootstrap", () => existsSync(join(dir, "envoy-rev.json")));
  const path = join(dir, "envoy-rev.json");
  execFileSync(envoy, ["--mode", "validate", "-c", path, "-l", "error"], { stdio: "pipe" });
  const { node } = JSON.parse(readFileSync(path, "utf8")) as { node: Record<string, unknown> };
  assert.equal(node["id"], "sidecar~127.0.0.1~reviews-v1-0.default~default.svc.cluster.local");
  assert.equal(node["cluster"], "reviews.default");
  assert.deepEqual((node["metadata"] as Record<string, unknown>)["LABELS"], { app: "reviews", version: "v1" });
});

test("Envoy merges the patch of EnvoyFilters into its bootstrap", { skip }, async () => {
  await eventually("Envoy", async () => (await get(ports.admin, "/runtime")).status === 200);
  const { body } = await get(ports.admin, "/runtime");
  const { layers, entries } = JSON.parse(body) as {
    layers: string[];
    entries: Record<string, { final_value: string }>;
  };
  assert.deepEqual(layers, ["global config", "admin", "patch"]);
  assert.equal(entries["weft.test"]?.final_value, "patched");
});

test("without istiod the proxy isn't ready, and the log says what to look at", { skip }, async () => {
  await eventually("a word about istiod", () => lines.join("").includes("waiting for istiod"));
  assert.match(lines.join(""), /waiting for istiod.*ECONNREFUSED.*advice=/);
  const answer = await get(ports.status, "/healthz/ready");
  assert.equal(answer.status, 503);
});

test("once istiod is there, config comes through and both ports say ready", { skip }, async () => {
  istiod = await startTestIstiod(istiodPort);
  await eventually("readiness", async () => (await get(ports.ready, "/healthz/ready")).status === 200, 20);
  assert.equal(istiod.authorization[0], "Bearer secret");
});

test("Envoy has the workload's certificate, and no key is shown anywhere", { skip }, async () => {
  const { body } = await get(ports.admin, "/config_dump?resource=dynamic_active_secrets");
  const debug = await get(ports.status, "/debug");
  assert.doesNotMatch(`${body}${debug.body}${lines.join("")}`, /PRIVATE KEY/);
  assert.match(lines.join(""), /certificate issued.*spiffe:\/\/test\/ns\/default\/sa\/default/);
});

test("the application's probes are asked for it", { skip }, async () => {
  assert.equal((await get(ports.status, "/app-health/app/readyz")).status, 204);
  assert.equal((await get(ports.status, "/app-health/app/livez")).status, 200);
  assert.equal((await get(ports.status, "/app-health/app/startupz")).status, 500);
  assert.equal((await get(ports.status, "/app-health/app/other")).status, 400);
});

test("metrics of the agent, of Envoy and of the application are one page", { skip }, async () => {
  const { body } = await get(ports.status, "/stats/prometheus");
  const certificate = 'istio_agent_cert_expiry_seconds\\{resource_name="default"\\} 35\\d\\d';
  for (const name of ["istio_agent_scrapes_total 1", certificate, "envoy_server_live", "orders 3"])
    assert.match(body, new RegExp(`^${name}`, "m"));
  assert.doesNotMatch(body, /EOF/);
});

test("istiod's end leaves Envoy ready, and a new one is found again", { skip }, async () => {
  await istiod.stop();
  await eventually("the loss", () => lines.join("").includes("lost istiod"));
  assert.equal((await get(ports.status, "/healthz/ready")).status, 200);
  istiod = await startTestIstiod(istiodPort);
  await eventually("a new stream", () => istiod.streams > 0, 20);
});

test("a killed Envoy comes back and gets its config again", { skip }, async () => {
  const pid = await envoyPid();
  assert.ok(pid);
  process.kill(pid, "SIGKILL");
  await eventually(
    "another Envoy",
    async () => {
      const now = await envoyPid();
      return now !== undefined && now !== pid && (await get(ports.status, "/healthz/ready")).status === 200;
    },
    20,
  );
  assert.match(lines.join(""), /Envoy died; starting it again.*SIGKILL/);
});

test("SIGTERM drains, waits, and ends both", { skip }, async () => {
  const pid = await envoyPid();
  const ended = new Promise<number | null>((resolve) => agent.once("exit", (code) => resolve(code)));
  const at = Date.now();
  agent.kill("SIGTERM");
  assert.equal(await ended, 0);
  assert.ok(Date.now() - at >= 1000, "waits for terminationDrainDuration");
  assert.throws(() => process.kill(pid ?? 0, 0), "Envoy is gone");
  assert.match(lines.join(""), /draining/);
});
