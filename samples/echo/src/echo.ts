import type { TLSSocket } from "node:tls";

/** Who answers: the pod, as its environment names it. */
export interface Answerer {
  readonly namespace: string;
  readonly pod: string;
  readonly service: string;
  readonly ingress: string;
}

export function answererFrom(env: Readonly<Record<string, string | undefined>>): Answerer {
  return {
    namespace: env["NAMESPACE"] ?? "",
    pod: env["POD_NAME"] ?? env["HOSTNAME"] ?? "",
    service: env["SERVICE_NAME"] ?? "",
    ingress: env["INGRESS_NAME"] ?? "",
  };
}

/** Headers with all their values, each name as HTTP's own form writes it: `X-Header-Set`. `raw`: names and values by turns. */
export function canonicalHeaders(raw: readonly string[]): Record<string, readonly string[]> {
  const result: Record<string, string[]> = {};
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = canonicalName(raw[index]?.toLowerCase() ?? "");
    if (!name.startsWith(":") && name !== "Host") (result[name] ??= []).push(raw[index + 1] ?? "");
  }
  return result;
}

function canonicalName(name: string): string {
  return name.replace(/(^|-)([a-z])/g, (_all, dash: string, letter: string) => `${dash}${letter.toUpperCase()}`);
}

/** What is known of the client's TLS; undefined without TLS. */
export function tlsOf(socket: object): object | undefined {
  const { getProtocol, servername, alpnProtocol } = socket as Partial<TLSSocket>;
  if (getProtocol === undefined) return undefined;
  const tls = socket as TLSSocket;
  const peer = tls.getPeerX509Certificate();
  return {
    version: tls.getProtocol(),
    serverName: servername || "",
    negotiatedProtocol: alpnProtocol || "",
    cipherSuite: tls.getCipher().standardName,
    ...(peer ? { peerCertificates: [peer.toString()] } : {}),
  };
}

/** `1s`, `500ms` in milliseconds, at most a minute; 0 for anything else. */
export function delayMs(text: string | null): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text ?? "") ?? [];
  return number === undefined ? 0 : Math.min(60_000, Number(number) * (unit === "s" ? 1000 : 1));
}
