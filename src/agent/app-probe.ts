import { connect } from "node:net";
import { parseVariable } from "./json-variable.ts";

/** One probe of the application, as injection recorded it (ISTIO_KUBE_APP_PROBERS). */
export interface AppProbe {
  readonly httpGet?: {
    readonly path?: string;
    readonly port: number;
    readonly host?: string;
    readonly scheme?: string;
    readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
  };
  readonly tcpSocket?: { readonly port: number; readonly host?: string };
  readonly grpc?: { readonly port: number; readonly service?: string | null };
  readonly timeoutSeconds?: number;
}

export type AppProbes = Readonly<Record<string, AppProbe>>;

/** Reads ISTIO_KUBE_APP_PROBERS. Throws when it isn't a map of probes. */
export function parseAppProbes(text: string | undefined): AppProbes {
  if (!text) return {};
  return parseVariable("ISTIO_KUBE_APP_PROBERS", text) as AppProbes;
}

/** Where the application listens, and the address that capture lets through. */
export interface ProbeTarget {
  readonly host: string;
  readonly localAddress?: string;
}

/** Istio: the pod's address, from 127.0.0.6, which capture leaves alone; or localhost, as before 1.10. */
export function probeTarget(podIp: string | undefined, legacyLocalhost: boolean): ProbeTarget {
  if (!podIp || podIp.startsWith("127.") || legacyLocalhost) return { host: "127.0.0.1" };
  return { host: podIp, localAddress: podIp.includes(":") ? "::6" : "127.0.0.6" };
}

/** Probes the application and gives the status for the kubelet: its own over HTTP, 200 or 500 otherwise. */
export async function probeApp(probe: AppProbe, target: ProbeTarget, headers: Record<string, string>): Promise<number> {
  const timeoutMs = (probe.timeoutSeconds || 1) * 1000;
  if (probe.httpGet) return probeHttp(probe.httpGet, target, headers, timeoutMs);
  if (probe.tcpSocket) return (await canConnect(probe.tcpSocket.port, target, timeoutMs)) ? 200 : 500;
  if (probe.grpc) {
    // few pods have such a probe: loaded when one does
    const { grpcServing } = await import("./grpc-health.ts");
    return (await grpcServing(probe.grpc.port, probe.grpc.service ?? "", target, timeoutMs)) ? 200 : 500;
  }
  return 500;
}

async function probeHttp(
  get: NonNullable<AppProbe["httpGet"]>,
  target: ProbeTarget,
  incoming: Record<string, string>,
  timeoutMs: number,
): Promise<number> {
  const headers: Record<string, string> = { ...incoming, connection: "close" };
  for (const { name, value } of get.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const path = get.path?.startsWith("/") ? get.path : `/${get.path ?? ""}`;
  const options = {
    ...target,
    ...(get.host ? { host: get.host } : {}),
    port: get.port,
    path,
    headers,
    agent: false as const,
    signal: AbortSignal.timeout(timeoutMs),
  };
  const https = get.scheme?.toUpperCase() === "HTTPS";
  const client = https ? await import("node:https") : await import("node:http");
  return new Promise((resolve) => {
    // kubelets don't verify the application's certificate either
    const request = client.get(https ? { ...options, rejectUnauthorized: false } : options, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 500);
    });
    request.once("error", () => resolve(500));
  });
}

function canConnect(port: number, target: ProbeTarget, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...target, port, timeout: timeoutMs });
    const end = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", () => end(false));
  });
}
