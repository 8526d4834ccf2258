import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import type { RequestAuthentication } from "#api/istio/request-authentication.ts";
import type { Sidecar } from "#api/istio/sidecar.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { keyed } from "#envoy/bookinfo.fixture.ts";
import { listening } from "#envoy/running-gateway.fixture.ts";
import { staticBootstrap } from "#envoy/static-bootstrap.fixture.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { parseProxy } from "#model/proxy.ts";
import { emptyInput, type MeshInput } from "#snapshot/input.ts";
import { eventually } from "#xds/test-envoy.ts";
import type { Owner } from "../attacked-mesh.ts";
import type { Ports, Scenario } from "./arbitrary.ts";

const taken = new Set<number>();

/** Ports that no outgoing connection takes before Envoy does: below those that Linux gives out. */
export async function freePorts(): Promise<Ports> {
  const next = async (): Promise<number> => {
    const port = randomInt(10_000, 30_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((done) => {
      server.once("error", () => done(false));
      server.listen(port, () => server.close(() => done(true)));
    });
    if (!isFree || taken.has(port)) return await next();
    taken.add(port);
    return port;
  };
  return { http: await next(), tcp: await next() };
}

/** Runs one Envoy that is the sidecar of all workloads: each has ports of its own, opened as the Sidecar resource says. */
export async function runWorkloads(
  t: Owner,
  scenarios: readonly (readonly [Ports, Scenario])[],
  jwks: string,
): Promise<void> {
  const behind = await startWorkload(t);
  const parts = scenarios.map(([ports, scenario]) => bootstrapOf(ports, scenario, behind, jwks));
  const listeners = parts.flatMap((part) => part.listeners);
  const clusters = new Map(parts.flatMap((part) => part.clusters).map((cluster) => [cluster["name"], cluster]));
  await runEnvoy(t, { staticResources: { listeners, clusters: [...clusters.values()] } });
}

/** Answers every request with its target, and says back what it hears on the TCP port. */
async function startWorkload(t: Owner): Promise<Ports> {
  const http = createHttpServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.resume();
    response.end(request.url);
  });
  const tcp = createServer((socket) => void socket.on("error", () => {}).pipe(socket));
  t.after(() => {
    http.closeAllConnections();
    http.close();
    tcp.close();
  });
  return { http: await listening(http), tcp: await listening(tcp) };
}

function bootstrapOf(
  ports: Ports,
  scenario: Scenario,
  behind: Ports,
  jwks: string,
): { readonly listeners: readonly JsonObject[]; readonly clusters: readonly JsonObject[] } {
  const { circumstances, policies } = scenario;
  const metadata = { name: "web", namespace: circumstances.namespace, creationTimestamp: "2026-01-01T00:00:00Z" };
  const ingress = (["http", "tcp"] as const).map((name) => ({
    port: { number: ports[name], name, protocol: name.toUpperCase() },
    bind: "0.0.0.0",
    captureMode: "NONE" as const,
    defaultEndpoint: `127.0.0.1:${behind[name]}`,
  }));
  const sidecar: Sidecar = {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata,
    spec: { ingress, egress: [{ hosts: ["./*"] }] },
  };
  const authentications = circumstances.issuers.map(
    (issuer): RequestAuthentication => ({
      apiVersion: "security.istio.io/v1",
      kind: "RequestAuthentication",
      metadata: { ...metadata, name: issuer },
      spec: { jwtRules: [{ issuer, jwks }] },
    }),
  );
  const { trustDomain, trustDomainAliases, rootNamespace, pathNormalization } = circumstances;
  const input: MeshInput = {
    ...emptyInput({ ...defaultMeshConfig, trustDomain, trustDomainAliases, rootNamespace, pathNormalization }),
    sidecars: keyed([sidecar]),
    requestAuthentications: keyed(authentications),
    authorizationPolicies: keyed(policies),
    peerAuthentications: keyed(circumstances.peerAuthentications),
  };
  const proxy = parseProxy({
    id: `sidecar~127.0.0.1~web-0.${circumstances.namespace}~${circumstances.namespace}.svc.cluster.local`,
    metadata: { LABELS: circumstances.labels },
  });
  if (typeof proxy === "string") throw new Error(proxy);
  const { listeners, clusters } = staticBootstrap(input, proxy, undefined, { mayHaveMistakes: true })[
    "staticResources"
  ] as unknown as {
    readonly listeners: readonly JsonObject[];
    readonly clusters: readonly JsonObject[];
  };
  const own = new Set([ports.http, ports.tcp]);
  return { clusters, listeners: listeners.filter((listener) => own.has(portOf(listener))) };
}

function portOf({ address }: JsonObject): number {
  const { socketAddress } = address as { readonly socketAddress?: { readonly portValue?: number } };
  return socketAddress?.portValue ?? 0;
}

async function runEnvoy(t: Owner, config: JsonObject): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "weft-oracle-"));
  const path = join(folder, "envoy.json");
  const admin = { address: { socketAddress: { address: "127.0.0.1", portValue: 0 } } };
  writeFileSync(path, JSON.stringify({ node: { id: "test", cluster: "test" }, admin, ...config }));
  const args = ["-c", path, "--use-dynamic-base-id", "--concurrency", "2", "--log-level", "warn"];
  const envoy: ChildProcess = spawn(
    findEnvoy() ?? "",
    [...args, "--admin-address-path", join(folder, "admin"), "--log-path", join(folder, "log")],
    { stdio: "ignore" },
  );
  t.after(async () => {
    const gone = once(envoy, "exit");
    if (envoy.exitCode === null && envoy.kill("SIGKILL")) await gone;
    rmSync(folder, { recursive: true, force: true });
  });
  await eventually(async () => {
    if (envoy.exitCode !== null) return;
    const ready = await fetch(`http://${readFileSync(join(folder, "admin"), "utf8").trim()}/ready`);
    if (ready.status !== 200) throw new Error("Envoy isn't ready");
  });
  if (envoy.exitCode !== null)
    throw new Error(`Envoy refuses the configuration: ${readFileSync(join(folder, "log"), "utf8").slice(-2000)}`);
}
