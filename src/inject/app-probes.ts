import type { Container, LifecycleHandler, Probe } from "kubernetes-types/core/v1.d.ts";
import { findProxy, type InjectablePod, proxyContainerName } from "./pod.ts";

/** One probe as the agent makes it, in Kubernetes' own form with port numbers. */
interface AppProbe {
  readonly httpGet?: object;
  readonly tcpSocket?: object;
  readonly grpc?: object;
  readonly timeoutSeconds?: number;
}

/** Probes by the path at which the kubelet asks the agent. */
type AppProbes = Record<string, AppProbe>;

type Handler = Probe | LifecycleHandler;

/**
 * The kubelet can't take part in mutual TLS, so it asks the agent, and the agent asks the application. Changes the pod:
 * probes and lifecycle hooks over HTTP, TCP and gRPC become HTTP requests to the agent, which learns of the originals
 * from ISTIO_KUBE_APP_PROBERS. `previous` merges with what an earlier injection recorded.
 */
export function rewriteAppProbes(pod: InjectablePod, agentPort: number, previous: boolean): void {
  const proxy = pod.spec && findProxy(pod.spec);
  if (!pod.spec || !proxy) return;
  const sidecars = (pod.spec.initContainers ?? []).filter((item) => item.restartPolicy === "Always");
  const containers = [...pod.spec.containers, ...sidecars].filter((item) => item.name !== proxyContainerName);
  const probes: AppProbes = {};
  for (const container of containers) rewriteContainer(container, agentPort, probes);
  if (Object.keys(probes).length > 0) recordProbes(proxy, probes, previous);
}

function rewriteContainer(container: Container, agentPort: number, probes: AppProbes): void {
  const ports = new Map((container.ports ?? []).map((port) => [port.name, port.containerPort]));
  const health = (name: string): string => `/app-health/${container.name}/${name}`;
  const hook = (name: string): string => `/app-lifecycle/${container.name}/${name}`;
  const rewrite = <T extends Handler>(handler: T | undefined, path: string, grpc: boolean): T | undefined => {
    if (!handler || isRewritten(handler, path, agentPort)) return handler;
    const original = withNumericPort(handler, ports);
    if (original) probes[path] = original;
    return throughAgent(handler, path, agentPort, grpc);
  };
  const { readinessProbe, livenessProbe, startupProbe, lifecycle } = container;
  if (readinessProbe) container.readinessProbe = rewrite(readinessProbe, health("readyz"), true) ?? readinessProbe;
  if (livenessProbe) container.livenessProbe = rewrite(livenessProbe, health("livez"), true) ?? livenessProbe;
  if (startupProbe) container.startupProbe = rewrite(startupProbe, health("startupz"), true) ?? startupProbe;
  if (lifecycle) {
    const preStop = rewrite(lifecycle.preStop, hook("prestopz"), false);
    const postStart = rewrite(lifecycle.postStart, hook("poststartz"), false);
    container.lifecycle = { ...(postStart ? { postStart } : {}), ...(preStop ? { preStop } : {}) };
  }
}

function isRewritten(handler: Handler, path: string, agentPort: number): boolean {
  return handler.httpGet?.port === agentPort && handler.httpGet.path === path;
}

/** The probe for the agent; undefined for commands, and for a port name that the container doesn't have. */
function withNumericPort(handler: Handler, ports: ReadonlyMap<string | undefined, number>): AppProbe | undefined {
  const number = (port: string | number): number | undefined => {
    if (typeof port === "number") return port;
    return ports.get(port) ?? (/^\d+$/.test(port) ? Number(port) : undefined);
  };
  const timeoutSeconds = "timeoutSeconds" in handler ? handler.timeoutSeconds : undefined;
  const timeout = timeoutSeconds === undefined ? {} : { timeoutSeconds };
  const grpc = "grpc" in handler ? handler.grpc : undefined;
  if (grpc) return { grpc: { port: grpc.port, service: grpc.service ?? null }, ...timeout };
  const target = handler.httpGet ?? handler.tcpSocket;
  if (!target) return undefined;
  const port = number(target.port);
  if (port === undefined) return undefined;
  return handler.httpGet
    ? { httpGet: { ...handler.httpGet, port }, ...timeout }
    : { tcpSocket: { ...handler.tcpSocket, port }, ...timeout };
}

function throughAgent<T extends Handler>(handler: T, path: string, agentPort: number, grpc: boolean): T {
  const { httpGet, tcpSocket, ...rest } = handler;
  const isGrpc = grpc && "grpc" in rest && rest.grpc !== undefined;
  if (!httpGet && !tcpSocket && !isGrpc) return handler;
  const { grpc: _, ...others } = rest as Probe;
  // TLS to the application is the agent's part
  const scheme = httpGet?.scheme === "HTTPS" ? { scheme: "HTTP" } : {};
  return { ...others, httpGet: { ...httpGet, ...scheme, path, port: agentPort } } as T;
}

const envName = "ISTIO_KUBE_APP_PROBERS";

function recordProbes(proxy: Container, probes: AppProbes, previous: boolean): void {
  const env = proxy.env ?? [];
  const earlier = previous ? env.find((item) => item.name === envName) : undefined;
  const recorded = earlier?.value ? (JSON.parse(earlier.value) as AppProbes) : {};
  const value = JSON.stringify(sortedByKey({ ...probes, ...recorded }));
  proxy.env = earlier
    ? env.map((item) => (item === earlier ? { name: envName, value } : item))
    : [...env, { name: envName, value }];
}

function sortedByKey(probes: AppProbes): AppProbes {
  return Object.fromEntries(Object.entries(probes).sort(([one], [other]) => (one < other ? -1 : 1)));
}
