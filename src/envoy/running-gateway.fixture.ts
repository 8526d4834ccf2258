import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, type RequestOptions, request } from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import type { Proxy } from "#model/proxy.ts";
import type { MeshInput } from "#snapshot/input.ts";
import { ingressProxy } from "./bookinfo.fixture.ts";
import { staticBootstrap } from "./static-bootstrap.fixture.ts";

/** A port of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a server on loopback; resolves to its port. */
export async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** An endpoint of a Bookinfo service at a port of loopback. `pod` is one of the input's, and gives it its labels. */
export function loopbackSlice(service: string, pod: string, port: number, portName = "http"): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: pod, namespace: "default", labels: { "kubernetes.io/service-name": service } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"], targetRef: { kind: "Pod", name: pod, namespace: "default" } }],
    ports: [{ name: portName, port }],
  };
}

export interface RunningGateway {
  stop(): Promise<void>;
}

/** An Envoy with what the ingress gateway gets, but for the differences, once it listens on `port`. */
export async function runGateway(
  input: MeshInput,
  port: number,
  differences: Partial<Proxy> = {},
): Promise<RunningGateway> {
  // By another name it is no pod of the Service, whose ports are fixed.
  return runEnvoy(staticBootstrap(input, { ...ingressProxy, name: "elsewhere", ...differences }), port);
}

/** An Envoy, once it listens on `port`. */
export async function runEnvoy(bootstrap: object, port: number): Promise<RunningGateway> {
  const folder = mkdtempSync(join(tmpdir(), "weft-traffic-"));
  const path = join(folder, "envoy.json");
  writeFileSync(path, JSON.stringify(bootstrap));
  const args = ["-c", path, "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error"];
  const envoy: ChildProcess = spawn(findEnvoy() ?? "", args, { stdio: "ignore" });
  const stop = async (): Promise<void> => {
    const gone = once(envoy, "exit");
    if (envoy.exitCode === null && envoy.kill("SIGKILL")) await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await reachable(port);
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

async function reachable(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await sleep(100);
    } finally {
      socket.destroy();
    }
  }
  throw new Error("Envoy didn't open its port within 10 s");
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** One request on a connection of its own. */
export async function ask(
  port: number,
  path: string,
  options: Pick<RequestOptions, "headers" | "method"> = {},
): Promise<Answer> {
  const outgoing = request({ host: "127.0.0.1", port, path, agent: false, ...options }).end();
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let body = "";
  for await (const part of response) body += String(part);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}
