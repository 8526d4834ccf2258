import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { healthTypeUrl } from "#xds/resource.ts";
import { createAgentLog, logLevel } from "./agent-log.ts";
import { createAgentStream } from "./agent-stream.ts";
import { parseAppProbes, probeTarget } from "./app-probe.ts";
import { bootstrap } from "./bootstrap/bootstrap.ts";
import { capturesDns } from "./dns/captures-dns.ts";
import { drainListeners, waitForDrain } from "./drain.ts";
import { envoyArgs, runEnvoy } from "./envoy-process.ts";
import { findForeignSockets } from "./identity/foreign-sockets.ts";
import { startIdentity } from "./identity/identity.ts";
import { type AgentCounters, mergedMetrics, parseAppMetrics } from "./metrics.ts";
import { xdsNode } from "./node.ts";
import { readPodInfo } from "./pod-info.ts";
import { parseProxyConfig } from "./proxy-config.ts";
import { createReadiness } from "./readiness.ts";
import { agentSettings, parseProxyArgs } from "./settings.ts";
import { shareSession } from "./shared-session.ts";
import { startStatusServer } from "./status-server.ts";
import { version } from "./version.ts";
import { startXdsProxy } from "./xds-proxy.ts";

/** How long Envoy may take to end once it is told to, ms. */
const stopGraceMs = 2000;

/** `proxy sidecar|router …`: runs Envoy until a signal or its end. Returns the exit code. */
export async function runProxy(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { flags } = parseProxyArgs(args);
  const log = createAgentLog({
    level: logLevel(flags.get("log_output_level")),
    json: flags.get("log_as_json") === "true",
  });
  const found = agentSettings(args, env, await parseProxyConfig(env["PROXY_CONFIG"]));
  const settings = { ...found, foreignSockets: await findForeignSockets(found.identity) };
  const pod = readPodInfo(settings.podInfoDir);
  const node = xdsNode(settings, pod);
  const probes = parseAppProbes(env["ISTIO_KUBE_APP_PROBERS"]);
  const appMetrics = parseAppMetrics(env["ISTIO_PROMETHEUS_ANNOTATIONS"]);
  log.info("agent starts", {
    version,
    node: node.id,
    istiod: settings.discovery.address,
    concurrency: settings.concurrency,
  });

  if (settings.proxyConfig.tracing?.lightstep)
    log.warn(
      "Envoy has no tracer for Lightstep any more: no traces; send them over OpenTelemetry, by a Telemetry resource",
    );

  mkdirSync(settings.configDir, { recursive: true });
  const bootstrapPath = join(settings.configDir, "envoy-rev.json");
  writeFileSync(bootstrapPath, JSON.stringify(bootstrap(settings, node, pod)));
  const override = bootstrapOverride(env);
  if (env["ISTIO_BOOTSTRAP_OVERRIDE"] && env["WEFT_BOOTSTRAP_PATCH"])
    log.warn("the bootstrap override of the pod's annotation counts, EnvoyFilters' patches of the bootstrap don't");
  const istiod = shareSession(settings);
  const stream = createAgentStream(istiod, node, log);
  const identity = await startIdentity(settings, stream, log);
  const xds = await startXdsProxy(settings, istiod, log);
  // Loaded where it is needed: most agents answer no DNS.
  const dns = capturesDns(settings)
    ? await (await import("./dns/capture.ts")).startDnsCapture(settings, stream, log)
    : undefined;
  stream.start();

  const readiness = createReadiness(settings.adminPort);
  const counters: AgentCounters = { startedAt: Date.now(), envoyStarts: 0, scrapes: 0, failedScrapes: new Map() };
  let draining = false;
  const envoy = runEnvoy(settings.envoyPath, envoyArgs(settings, bootstrapPath, override), log, () => {
    counters.envoyStarts += 1;
    readiness.reset();
  });
  const probe = settings.proxyConfig.readinessProbe;
  // Loaded where it is needed: the kubelet checks what runs in Kubernetes.
  const health = probe
    ? (await import("./health/health-checks.ts")).startHealthChecks({
        probe,
        proxyProblem: () => readiness.problem(),
        report: (problem) => stream.report(healthTypeUrl, problem),
        log,
      })
    : undefined;
  const drain = async (close: boolean): Promise<void> => {
    if (draining) return;
    draining = true;
    log.info("draining: clients are told to leave");
    await drainListeners(settings, close, log);
  };
  const terminate = async (reason: string): Promise<void> => {
    // Istio: who asked for a drain (a native sidecar's preStop) has waited as long as it wanted to.
    const drainMs = draining ? 0 : settings.exitOnZeroConnections ? "until idle" : settings.terminationDrainMs;
    log.info("stopping", { reason, drainMs });
    if (!draining) {
      await drain(!settings.exitOnZeroConnections);
      await waitForDrain(settings, log);
    }
    await envoy.stop(stopGraceMs);
  };
  let stopping: Promise<void> | undefined;
  const stop = (reason: string): void => {
    stopping ??= terminate(reason);
  };
  process.once("SIGTERM", () => stop("SIGTERM"));
  process.once("SIGINT", () => stop("SIGINT"));

  const status = await startStatusServer(
    settings.statusPort,
    {
      problem: async () => {
        if (stopping || draining) return "draining";
        if (dns && !dns.isReady) return "istiod hasn't told the names of the mesh yet";
        return identity.problem ?? (await readiness.problem());
      },
      metrics: () => mergedMetrics(settings.prometheusPort, appMetrics, counters, identity),
      probes,
      target: probeTarget(settings.instanceIps[0], env["REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION"] === "true"),
      drain: () => drain(false),
      quit: () => stop("POST /quitquitquit"),
      debug: () => ({
        version,
        node: node.id,
        istiod: { address: settings.discovery.address, streams: xds.connected },
        envoy: { pid: envoy.pid, starts: counters.envoyStarts },
        certificate: { problem: identity.problem, ends: identity.endsAt && new Date(identity.endsAt).toISOString() },
        draining,
      }),
    },
    log,
  ).catch(async (error: unknown) => {
    log.error("the status port can't be opened; does the application use it?", { port: settings.statusPort, error });
    await envoy.stop(stopGraceMs);
    return undefined;
  });
  const code = await envoy.done;
  status?.close();
  status?.closeAllConnections();
  health?.stop();
  stream.stop();
  await dns?.stop();
  await xds.close();
  await identity.close();
  return status ? code : 1;
}

/** What Envoy merges into its bootstrap: the pod's own file, else what EnvoyFilters say. */
function bootstrapOverride(env: NodeJS.ProcessEnv): string | undefined {
  const file = env["ISTIO_BOOTSTRAP_OVERRIDE"];
  return file ? readFileSync(file, "utf8") : env["WEFT_BOOTSTRAP_PATCH"];
}
