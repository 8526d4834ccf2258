import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import type { Pod, Service } from "kubernetes-types/core/v1.d.ts";
import { ApiError, badRequest } from "../api-error.ts";
import type { Core } from "../core.ts";
import { readObject, type Target } from "./read.ts";
import type { ApiRequest, ApiResponse } from "./request.ts";

/** Headers that belong to one connection (RFC 9110 §7.6.1), and our own credentials. */
const notForwarded = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
  "authorization",
  "http2-settings",
]);

const answerMs = 60_000;

/** `[scheme:]name[:port]` as it stands in the path. */
function parseName(name: string): { scheme: "http" | "https"; name: string; port: string } {
  const parts = name.split(":");
  const [first = "", second = "", third = ""] = parts;
  if (parts.length === 1) return { scheme: "http", name: first, port: "" };
  if (parts.length === 2) return { scheme: "http", name: first, port: second };
  if (parts.length === 3 && ["http", "https", ""].includes(first))
    return { scheme: first === "https" ? "https" : "http", name: second, port: third };
  throw badRequest(`invalid service request ${JSON.stringify(name)}: want [scheme:]name[:port]`);
}

async function addressOf(
  core: Core,
  target: Target,
  name: string,
  port: string,
): Promise<{ host: string; port: number }> {
  const object = readObject(core, { ...target, name });
  if (target.served.kind.kind === "Pod") {
    const pod = object as unknown as Pod;
    const number = Number(port || (pod.spec?.containers?.[0]?.ports?.[0]?.containerPort ?? 80));
    const host = pod.status?.podIP;
    if (!host) throw new ApiError(503, "ServiceUnavailable", `pod ${JSON.stringify(name)} has no address yet`);
    if (!Number.isInteger(number) || number < 1 || number > 65535)
      throw badRequest(`${JSON.stringify(port)} is not a port`);
    return { host, port: number };
  }
  const ports = (object as unknown as Service).spec?.ports ?? [];
  const wanted = port === "" ? ports[0] : ports.find((one) => one.name === port || String(one.port) === port);
  if (!wanted)
    throw new ApiError(
      503,
      "ServiceUnavailable",
      `no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`,
    );
  const address = await core.resolveService(target.namespace, name, wanted.name ?? wanted.port);
  if (!address)
    throw new ApiError(503, "ServiceUnavailable", `no endpoints available for service ${JSON.stringify(name)}`);
  return address;
}

/** `/proxy`: any request, sent on to a service's endpoint or a pod. */
export async function proxy(core: Core, request: ApiRequest, target: Target, rest: string): Promise<ApiResponse> {
  const { scheme, name, port } = parseName(target.name);
  const address = await addressOf(core, target, name, port);
  const headers: Record<string, string> = {};
  for (const [header, value] of Object.entries(request.headers))
    if (value !== undefined && !header.startsWith(":") && !notForwarded.has(header)) headers[header] = value;
  const query = request.query.toString();
  const send = scheme === "https" ? httpsRequest : httpRequest;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = send({
      ...address,
      method: request.method,
      path: rest + (query ? `?${query}` : ""),
      headers: { ...headers, host: `${address.host}:${address.port}` },
      signal: request.signal,
      timeout: answerMs,
      // As Kubernetes: the certificate of a proxied backend is not looked at.
      ...(scheme === "https" ? { rejectUnauthorized: false } : {}),
    });
    outgoing.once("response", resolve);
    outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer within ${answerMs / 1000} s`)));
    outgoing.once("error", (cause: Error) =>
      reject(
        new ApiError(
          503,
          "ServiceUnavailable",
          `error trying to reach service: ${address.host}:${address.port}: ${cause.message}`,
          undefined,
          { cause },
        ),
      ),
    );
    Readable.from(request.body).pipe(outgoing);
  });
  const answered: Record<string, string> = {};
  for (const [header, value] of Object.entries(response.headers))
    if (value !== undefined && !notForwarded.has(header))
      answered[header] = Array.isArray(value) ? value.join(", ") : value;
  const location = answered["location"];
  if (location?.startsWith("/")) {
    const base = request.path.slice(0, request.path.length - (request.path.endsWith(rest) ? rest.length : 0));
    answered["location"] = base.replace(/\/$/, "") + location;
  }
  return { status: response.statusCode ?? 502, headers: answered, body: response };
}
