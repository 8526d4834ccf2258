import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { InjectSettings } from "#inject/inject.ts";
import type { Log } from "#log/log.ts";
import { type AdmissionAnswer, type AdmissionRequest, readReview, writeReview } from "./admission.ts";
import { reviewPod } from "./inject-webhook.ts";
import { reviewResource } from "./validate-webhook.ts";

export interface WebhookServerOptions {
  readonly tls: { readonly cert: string; readonly key: string };
  readonly injectSettings: () => InjectSettings | undefined;
  readonly log: Log;
  /** Called after each review, for metrics. */
  readonly onReview?: (webhook: "inject" | "validate", allowed: boolean) => void;
}

export interface WebhookServer {
  listen(port: number, host?: string): Promise<number>;
  setTls(tls: { readonly cert: string; readonly key: string }): void;
  shutdown(): Promise<void>;
}

/** A handshake, and a request, must be whole in 10 s; Node looks for late ones that often. */
const slowClients = { handshakeTimeout: 10_000, requestTimeout: 10_000, connectionsCheckingInterval: 2_000 };
/** An object in etcd has at most 1.5 MiB, and an update carries the old one too. */
const maxBodyBytes = 8 * 1024 * 1024;

/** The HTTPS server behind the webhook configurations: `/inject`, `/inject/…` and `/validate`. */
export function createWebhookServer(options: WebhookServerOptions): WebhookServer {
  const { log, injectSettings, onReview } = options;

  function review(path: string, request: AdmissionRequest): AdmissionAnswer | undefined {
    if (path === "/inject" || path.startsWith("/inject/")) {
      const answer = reviewPod(request, path, injectSettings(), log);
      onReview?.("inject", answer.allowed);
      return answer;
    }
    if (path !== "/validate") return undefined;
    const answer = reviewResource(request);
    onReview?.("validate", answer.allowed);
    if (!answer.allowed && !request.dryRun) log.info("resource refused", { error: answer.message });
    return answer;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    if (path === "/ready") return reply(response, 200, { status: "ready" });
    if (request.method !== "POST") return reply(response, 405, { message: `${path} takes POST` });
    const body = await readBody(request);
    if (body === undefined) return reply(response, 413, { message: `the body is longer than ${maxBodyBytes} bytes` });
    const parsed = readReview(body);
    if (typeof parsed === "string") return reply(response, 400, { message: parsed });
    let answer: AdmissionAnswer | undefined;
    try {
      answer = review(path, parsed);
    } catch (error) {
      // Fail closed, with words: an unanswered webhook only shows as "failed calling webhook".
      log.error("review failed", { path, uid: parsed.uid, error });
      answer = { allowed: false, message: "istiod failed to review this object; its log says why" };
    }
    if (!answer) return reply(response, 404, { message: `no webhook at ${path}; there are /inject and /validate` });
    reply(response, 200, writeReview(parsed.uid, answer));
  }

  const server: Server = createServer({ ...options.tls, ...slowClients }, (request, response) => {
    serve(request, response).catch((error: unknown) => {
      log.debug("webhook request broke off", { error });
      response.destroy();
    });
  });
  server.maxConnections = 1_000;

  return {
    listen: (port, host) =>
      new Promise((done, fail) => {
        server.once("error", fail);
        server.listen(port, host, () => {
          server.off("error", fail);
          done((server.address() as AddressInfo).port);
        });
      }),
    setTls: (tls) => server.setSecureContext(tls),
    shutdown: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 1_000).unref();
      }),
  };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function reply(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}
