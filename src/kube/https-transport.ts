import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import { type Credentials, createCredentialSource } from "./credentials.ts";
import type { KubeConfig } from "./kubeconfig.ts";
import type { KubeRequest, KubeResponse, KubeTransport } from "./transport.ts";

/** Time for the first byte of an answer. A server's own limit is 60 s, a webhook it calls may take 30 s. */
const answerTimeoutMs = 90_000;
/** A watch holds a socket for as long as it lives; more than this many at once wait. */
const maxSockets = 256;
/** A peer that vanished without a word is noticed after this and ten probes. */
const tcpKeepAliveMs = 30_000;

/**
 * A transport over HTTPS (or plain HTTP when the server's URL says so) with connections that are kept alive.
 * Bodies are streamed and never buffered here; an aborted signal ends request and body alike.
 */
export function createHttpsTransport(config: KubeConfig): KubeTransport {
  const base = new URL(config.server);
  const secure = base.protocol === "https:";
  const prefix = base.pathname.replace(/\/+$/, "");
  const source = createCredentialSource(config);
  let agent: { readonly agent: http.Agent; readonly certificate: string | undefined } | undefined;

  function agentFor(credentials: Credentials): http.Agent {
    if (agent && agent.certificate === credentials.clientCertificate) return agent.agent;
    const shared = { keepAlive: true, maxSockets, scheduling: "lifo" as const };
    const created = secure
      ? new https.Agent({
          ...shared,
          ...(config.ca ? { ca: config.ca } : {}),
          ...(config.tlsServerName ? { servername: config.tlsServerName } : {}),
          ...(config.insecureSkipTlsVerify ? { rejectUnauthorized: false } : {}),
          ...(credentials.clientCertificate ? { cert: credentials.clientCertificate } : {}),
          ...(credentials.clientKey ? { key: credentials.clientKey } : {}),
        })
      : new http.Agent(shared);
    agent = { agent: created, certificate: credentials.clientCertificate };
    return created;
  }

  async function send(request: KubeRequest, isRetry = false): Promise<KubeResponse> {
    request.signal?.throwIfAborted();
    const credentials = await source.get();
    const query =
      request.query && Object.keys(request.query).length > 0 ? `?${new URLSearchParams(request.query).toString()}` : "";
    const body = request.body === undefined ? undefined : Buffer.from(request.body);
    const options: https.RequestOptions = {
      agent: agentFor(credentials),
      host: base.hostname.replace(/^\[|\]$/g, ""),
      port: base.port || (secure ? 443 : 80),
      method: request.method,
      path: `${prefix}${request.path}${query}`,
      headers: {
        "user-agent": "weft",
        ...credentials.headers,
        ...request.headers,
        ...(body ? { "content-length": String(body.length) } : {}),
      },
      ...(request.signal ? { signal: request.signal } : {}),
    };
    return await new Promise<KubeResponse>((done, fail) => {
      const call = secure ? https.request(options) : http.request(options);
      const timer = setTimeout(
        () => call.destroy(new Error(`no answer from ${base.host} in ${answerTimeoutMs / 1000} s`)),
        answerTimeoutMs,
      );
      call.once("socket", (socket: Socket) => socket.setKeepAlive(true, tcpKeepAliveMs));
      call.once("error", (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        // The server may close an idle connection just as it is used again.
        const wasIdle = call.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
        if (wasIdle && request.method === "GET" && !isRetry) done(send(request, true));
        else fail(error);
      });
      call.once("response", (answer) => {
        clearTimeout(timer);
        if (answer.statusCode === 401) source.refresh();
        done({ status: answer.statusCode ?? 0, headers: flatten(answer.headers), body: answer });
      });
      call.end(body);
    });
  }

  return (request) => send(request);
}

function flatten(headers: http.IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(", ") : value;
  return flat;
}
