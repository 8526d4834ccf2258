import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Container, HTTPGetAction } from "kubernetes-types/core/v1.d.ts";
import { resolvePort } from "./endpoint.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

/** So much of an answer's body is kept for messages (bytes). */
const keptBody = 1024;

/**
 * A GET as the kubelet sends it: to the pod's address, no redirect followed, no certificate checked. Rejects when there is no answer
 * before the time (ms) is over.
 */
export function httpGet(
  action: HTTPGetAction,
  container: Container,
  podIp: string,
  options: { readonly timeout: number; readonly agent: string },
): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const port = resolvePort(container, action.port);
  if (port === undefined) return Promise.reject(new Error(`container ${container.name} has no port "${action.port}"`));
  const headers: Record<string, string> = { "user-agent": options.agent, accept: "*/*", connection: "close" };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const target = {
    host: action.host ?? podIp,
    port,
    path: action.path ?? "/",
    headers,
    agent: false as const,
    signal: AbortSignal.timeout(options.timeout),
  };
  const onAnswer = (answer: IncomingMessage): void => {
    let body = "";
    answer.setEncoding("utf8");
    answer.on("data", (text: string) => {
      body = (body + text).slice(0, keptBody);
      // An endless answer is an answer: its status is all that counts.
      if (body.length === keptBody) finish();
    });
    answer.on("end", () => finish());
    answer.on("error", reject);
    const finish = (): void => {
      resolve({ status: answer.statusCode ?? 0, body });
      answer.destroy();
    };
  };
  let call: ClientRequest;
  try {
    call =
      action.scheme === "HTTPS"
        ? httpsRequest({ ...target, rejectUnauthorized: false }, onAnswer)
        : httpRequest(target, onAnswer);
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
  call.on("error", (error) =>
    reject(
      error.name === "TimeoutError" || error.name === "AbortError" ? new Error("context deadline exceeded") : error,
    ),
  );
  call.end();
  return promise;
}
