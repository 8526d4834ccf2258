import { existsSync, readFileSync } from "node:fs";
import http2 from "node:http2";
import { connect, isIP, type Socket } from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import type { AgentSettings } from "./settings.ts";

/** How long a connection may take, and how often an open one must prove that it lives, ms. */
const connectTimeoutMs = 10_000;
const pingEveryMs = 30_000;
const pingTimeoutMs = 10_000;
/** Bytes of config under way at once on a stream; the default of 64 KiB makes large pushes slow. */
const windowBytes = 1024 * 1024;

/** istiod, or who else signs certificates: where it is, and what shows that it is the right one. */
export interface ServerAddress {
  /** `host:port`. */
  readonly address: string;
  readonly plaintext: boolean;
  /** A file of roots, or `SYSTEM` for those of the operating system. Read for each connection: it may have changed. */
  readonly rootPath: string;
  /** The name that its certificate must have, if not that of the address. */
  readonly serverName?: string;
  /** A directory with `cert-chain.pem` and `key.pem` to be known by, besides the token. They may be missing. */
  readonly provisionedDir?: string;
}

/** Opens HTTP/2. Rejects with the reason. */
export function connectTo(
  server: ServerAddress,
  timeoutMs: number = connectTimeoutMs,
): Promise<http2.ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const socket = openSocket(server);
    const session = http2.connect(`${server.plaintext ? "http" : "https"}://${server.address}`, {
      settings: { initialWindowSize: windowBytes, enablePush: false },
      createConnection: () => socket,
    });
    // Destroying the session would wait for the socket to open first.
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    // Later errors end its streams, which is where they are dealt with.
    session.on("error", reject);
    session.once("close", () => {
      clearTimeout(timer);
      reject(new Error("connection closed before it was ready"));
    });
    session.once("connect", () => {
      clearTimeout(timer);
      // More than one stream's: one that Envoy doesn't read mustn't hold the others up.
      session.setLocalWindowSize(2 * windowBytes);
      keepAlive(session);
      resolve(session);
    });
  });
}

function openSocket({ address, plaintext, rootPath, serverName, provisionedDir }: ServerAddress): Socket {
  const host = address.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  const port = Number(/:(\d+)$/.exec(address)?.[1] ?? (plaintext ? 80 : 443));
  if (plaintext) return connect({ host, port });
  const servername = serverName ?? (isIP(host) === 0 ? host : "");
  const ca = rootPath === "SYSTEM" ? {} : { ca: readFileSync(rootPath) };
  return tls.connect({ host, port, servername, ...ca, ...ownCertificate(provisionedDir), ALPNProtocols: ["h2"] });
}

function ownCertificate(dir: string | undefined): { cert?: string; key?: string } {
  const [certPath, keyPath] = [join(dir ?? "", "cert-chain.pem"), join(dir ?? "", "key.pem")];
  if (dir === undefined || !existsSync(certPath) || !existsSync(keyPath)) return {};
  return { cert: readFileSync(certPath, "utf8"), key: readFileSync(keyPath, "utf8") };
}

/** A peer that vanished without a word (a lost node) is noticed by its silence. */
function keepAlive(session: http2.ClientHttp2Session): void {
  const timer = setInterval(() => {
    const late = setTimeout(() => session.destroy(new Error("istiod doesn't answer pings")), pingTimeoutMs);
    session.ping(() => clearTimeout(late));
  }, pingEveryMs);
  timer.unref();
  session.once("close", () => clearInterval(timer));
}

/** Headers of one call; the token is read each time, as the kubelet rotates it. */
export function callHeaders(settings: AgentSettings, path: string): http2.OutgoingHttpHeaders {
  const token = readToken(settings.tokenPath);
  return {
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    "user-agent": "weft-agent",
    clusterid: settings.clusterId,
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  };
}

function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** What an operator can do about a connection that failed. */
export function connectionAdvice(error: unknown): string {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return "is istiod installed, and does cluster DNS work?";
  if (code === "ECONNREFUSED") return "istiod's Service has no ready pod; see kubectl get pods -n istio-system";
  if (code === "ENOENT") return "ConfigMap istio-ca-root-cert isn't in this namespace yet; istiod writes it";
  if (/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/.test(code))
    return "istiod's certificate isn't valid now; are both clocks right?";
  if (/ALTNAME/.test(code)) return "istiod's certificate is for another name than this address; ISTIOD_SAN says which";
  if (/CERT|SIGNATURE|ISSUER|SELF_SIGNED/.test(code))
    return "istiod's certificate doesn't fit the root in ConfigMap istio-ca-root-cert; is it another mesh's, or older than a minute?";
  if (/answer|ETIMEDOUT|EHOSTUNREACH/.test(`${code} ${message}`)) return "does a network policy block istiod's port?";
  return "see kubectl logs -n istio-system deploy/istiod";
}
