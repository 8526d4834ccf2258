import type { Container, Lifecycle, Probe, SecurityContext, VolumeMount } from "kubernetes-types/core/v1.d.ts";
import { annotationOr, type InjectContext, statusPort } from "./context.ts";
import { proxyImage } from "./image.ts";
import { coreDumps } from "./init-container.ts";
import { proxyContainerName } from "./pod.ts";
import { proxyEnv } from "./proxy-env.ts";
import { proxyResources } from "./resources.ts";
import { proxyVolumeMounts } from "./volumes.ts";

/** The container `istio-proxy` of a sidecar. */
export function proxyContainer(context: InjectContext): Container {
  const { imagePullPolicy, sts, proxy } = context.values.global;
  const lifecycle = proxyLifecycle(context);
  const probed = statusPort(context) !== "0";
  return {
    name: proxyContainerName,
    image: proxyImage(context, proxy.image),
    ...(imagePullPolicy ? { imagePullPolicy } : {}),
    ports: [{ containerPort: 15090, protocol: "TCP", name: "http-envoy-prom" }],
    args: [...proxyArgs(context, "sidecar"), ...(sts.servicePort ? [`--stsPort=${sts.servicePort}`] : [])],
    ...(lifecycle ? { lifecycle } : {}),
    env: proxyEnv(context, "sidecar"),
    ...(probed ? { readinessProbe: readinessProbe(context) } : {}),
    ...(probed && proxy.startupProbe.enabled
      ? { startupProbe: startupProbe(proxy.startupProbe.failureThreshold) }
      : {}),
    ...(context.native ? { restartPolicy: "Always" } : {}),
    resources: proxyResources(context),
    securityContext: proxySecurity(context),
    volumeMounts: [...proxyVolumeMounts(context, { crl: true }), ...userVolumeMounts(context)],
  };
}

/** `proxy sidecar …` or `proxy router …`, with the log levels. */
export function proxyArgs(context: InjectContext, kind: "sidecar" | "router"): string[] {
  const { proxy, logging, logAsJson } = context.values.global;
  return [
    "proxy",
    kind,
    "--domain",
    `$(POD_NAMESPACE).svc.${proxy.clusterDomain}`,
    `--proxyLogLevel=${annotationOr(context, "sidecar.istio.io/logLevel", proxy.logLevel)}`,
    `--proxyComponentLogLevel=${annotationOr(context, "sidecar.istio.io/componentLogLevel", proxy.componentLogLevel)}`,
    `--log_output_level=${annotationOr(context, "sidecar.istio.io/agentLogLevel", logging.level)}`,
    ...(logAsJson ? ["--log_as_json"] : []),
    ...(proxy.outlierLogPath ? [`--outlierLogPath=${proxy.outlierLogPath}`] : []),
  ];
}

/** Istio: the application starts after the proxy when the mesh or the install says so. */
export function holdsApplication(context: InjectContext): boolean {
  const mesh = context.proxyConfig.holdApplicationUntilProxyStarts;
  return mesh === true || context.values.global.proxy.holdApplicationUntilProxyStarts === true;
}

function proxyLifecycle(context: InjectContext): Lifecycle | undefined {
  const own = context.values.global.proxy.lifecycle;
  if (own) return own;
  if (context.native) {
    // a native sidecar outlives the application: it drains when the pod ends, not when it is told to stop
    const command = ["pilot-agent", "request", `--debug-port=${statusPort(context)}`, "POST", "drain"];
    return { preStop: { exec: { command } } };
  }
  return holdsApplication(context) ? { postStart: { exec: { command: ["pilot-agent", "wait"] } } } : undefined;
}

/** Ready once Envoy has its first config. */
export function readinessProbe(context: InjectContext): Probe {
  const { proxy } = context.values.global;
  const seconds = (name: string, fallback: number): number =>
    Number(annotationOr(context, `readiness.status.sidecar.istio.io/${name}`, fallback));
  return {
    httpGet: { path: "/healthz/ready", port: 15021 },
    initialDelaySeconds: seconds("initialDelaySeconds", proxy.readinessInitialDelaySeconds),
    periodSeconds: seconds("periodSeconds", proxy.readinessPeriodSeconds),
    timeoutSeconds: 3,
    failureThreshold: seconds("failureThreshold", proxy.readinessFailureThreshold),
  };
}

/** Asks every second while the proxy starts, so that readiness isn't a period late. */
function startupProbe(failureThreshold: number): Probe {
  return { httpGet: { path: "/healthz/ready", port: 15021 }, periodSeconds: 1, timeoutSeconds: 3, failureThreshold };
}

function proxySecurity(context: InjectContext): SecurityContext {
  const { proxy } = context.values.global;
  const readOnlyRootFilesystem = !coreDumps(context);
  const tproxy = context.interceptionMode === "TPROXY";
  const bind = annotationOr(context, "sidecar.istio.io/capNetBindService", proxy.capNetBindService) === "true";
  const add = [...(tproxy ? ["NET_ADMIN"] : []), ...(bind ? ["NET_BIND_SERVICE"] : [])];
  const seccomp = Object.keys(proxy.seccompProfile).length > 0;
  if (context.proxyConfig.proxyMetadata?.["IPTABLES_TRACE_LOGGING"] === "true")
    return {
      allowPrivilegeEscalation: true,
      capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] },
      privileged: true,
      readOnlyRootFilesystem,
      runAsGroup: 1337,
      runAsNonRoot: false,
      runAsUser: 0,
    };
  return {
    allowPrivilegeEscalation: proxy.privileged,
    capabilities: { ...(add.length > 0 ? { add } : {}), drop: ["ALL"] },
    privileged: proxy.privileged,
    readOnlyRootFilesystem,
    runAsGroup: 1337,
    runAsNonRoot: add.length === 0,
    runAsUser: add.length === 0 ? 1337 : 0,
    ...(seccomp ? { seccompProfile: proxy.seccompProfile as NonNullable<SecurityContext["seccompProfile"]> } : {}),
  };
}

function userVolumeMounts({ annotations }: InjectContext): VolumeMount[] {
  const own = annotations["sidecar.istio.io/userVolumeMount"];
  if (own === undefined) return [];
  const mounts = JSON.parse(own) as Record<string, Omit<VolumeMount, "name">>;
  return Object.entries(mounts).map(([name, mount]) => ({ ...mount, name }));
}
