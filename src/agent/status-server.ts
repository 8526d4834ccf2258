import http from "node:http";
import type { Log } from "#log/log.ts";
import { type AppProbes, type ProbeTarget, probeApp } from "./app-probe.ts";

/** What the status server answers with. */
export interface StatusRoutes {
  readonly problem: () => Promise<string | undefined>;
  readonly metrics: () => Promise<string>;
  readonly probes: AppProbes;
  readonly target: ProbeTarget;
  readonly drain: () => Promise<void>;
  readonly quit: () => void;
  readonly debug: () => object;
}

/** Neighbours can connect too. Node looks for late requests that often. */
const slowClients = { requestTimeout: 10_000, headersTimeout: 5_000, connectionsCheckingInterval: 1_000 };

/**
 * Port 15020: readiness, merged metrics, the application's probes; and for callers inside the pod draining, the end and
 * a look inside.
 */
export async function startStatusServer(port: number, routes: StatusRoutes, log: Log): Promise<http.Server> {
  let ready: boolean | undefined;
  const server = http.createServer(slowClients, (request, response) => {
    answer(request)
      .then(({ status, body, type = "text/plain; charset=utf-8" }) => {
        response.writeHead(status, { "content-type": type });
        response.end(body);
      })
      .catch((error: unknown) => {
        log.error("status request failed", { path: request.url, error });
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
  });

  async function answer(request: http.IncomingMessage): Promise<{ status: number; body: string; type?: string }> {
    request.resume();
    const path = (request.url ?? "/").split("?")[0] ?? "/";
    const probe = Object.hasOwn(routes.probes, path) ? routes.probes[path] : undefined;
    if (probe) return { status: await probeApp(probe, routes.target, probeHeaders(request)), body: "" };
    switch (path) {
      case "/healthz/ready":
        return readiness();
      case "/stats/prometheus":
      case "/metrics":
        return {
          status: 200,
          body: await routes.metrics(),
          type: "text/plain; version=0.0.4; charset=utf-8",
        };
      case "/quitquitquit":
        return localPost(request, () => routes.quit());
      case "/drain":
        return localPost(request, () => routes.drain());
      case "/debug":
      case "/debug/agent":
        if (!isLocal(request)) return { status: 403, body: "only from inside the pod\n" };
        return { status: 200, body: `${JSON.stringify(routes.debug(), null, 2)}\n`, type: "application/json" };
      default:
        return path.startsWith("/app-health/") || path.startsWith("/app-lifecycle/")
          ? { status: 400, body: "this pod has no such probe\n" }
          : { status: 404, body: "not found\n" };
    }
  }

  async function readiness(): Promise<{ status: number; body: string }> {
    const problem = await routes.problem();
    if (ready !== (problem === undefined)) {
      ready = problem === undefined;
      if (ready) log.info("Envoy is ready");
      else log.warn("Envoy isn't ready", { reason: problem });
    }
    return problem === undefined ? { status: 200, body: "" } : { status: 503, body: `${problem}\n` };
  }

  server.maxConnections = 1_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, resolve);
  });
  return server;
}

/** From inside of the pod; what Envoy hands on of others' calls comes from 127.0.0.6 or ::6. */
function isLocal(request: http.IncomingMessage): boolean {
  return /^(::ffff:)?127\.(?!0\.0\.6$)|^::1$/.test(request.socket.remoteAddress ?? "");
}

async function localPost(
  request: http.IncomingMessage,
  action: () => void | Promise<void>,
): Promise<{ status: number; body: string }> {
  if (!isLocal(request)) return { status: 403, body: "only from inside the pod\n" };
  if (request.method !== "POST") return { status: 405, body: "use POST\n" };
  await action();
  return { status: 200, body: "ok\n" };
}

/** The kubelet's headers go on to the application, without those of the connection to us. */
function probeHeaders(request: http.IncomingMessage): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (typeof value === "string" && !["host", "connection", "content-length", "transfer-encoding"].includes(name))
      kept[name] = value;
  return kept;
}
