import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { badRequest, noSuchPath } from "../api-error.ts";
import type { UserInfo } from "../auth/user.ts";
import type { Core } from "../core.ts";
import { statusOf } from "../rest/fail.ts";
import { attributesOf, authorize } from "../rest/handler.ts";
import { containerOf } from "../rest/pod-log.ts";
import { readObject } from "../rest/read.ts";
import { type ApiRequest, parseResourcePath } from "../rest/request.ts";
import { handleUpgrade, type StreamTarget } from "../streams/upgrade.ts";
import type { UpgradeHandler } from "./https.ts";

const isSet = (query: URLSearchParams, name: string): boolean => ["true", "1"].includes(query.get(name) ?? "");

function targetOf(core: Core, request: ApiRequest): StreamTarget {
  const path = parseResourcePath(request.path);
  const served = path && core.registry.find(path.group, path.version, path.plural);
  const { namespace = "", name = "", subresource = "" } = path ?? {};
  if (!path || path.plural !== "pods" || path.group !== "" || !served || name === "") throw noSuchPath();
  authorize(core, request.user, attributesOf(request, path));
  const pod = readObject(core, { served, namespace, name, subresource }) as unknown as Pod;
  const reference = { namespace, name };
  const { query } = request;
  if (subresource === "portforward") {
    const ports = query
      .getAll("ports")
      .flatMap((text) => text.split(","))
      .map(Number);
    return { kind: "portforward", pod: reference, ports: ports.filter((port) => Number.isInteger(port) && port > 0) };
  }
  if (subresource !== "exec" && subresource !== "attach") throw noSuchPath();
  const command = query.getAll("command");
  if (subresource === "exec" && command.length === 0)
    throw badRequest("you must specify at least one command for the container");
  return {
    kind: subresource,
    container: { ...reference, container: containerOf(pod, query.get("container")) },
    command,
    stdin: isSet(query, "stdin"),
    stdout: isSet(query, "stdout"),
    stderr: isSet(query, "stderr"),
    tty: isSet(query, "tty"),
  };
}

/** Connections that leave HTTP: exec, attach and port-forward of pods. */
export function createUpgradeHandler(core: Core): UpgradeHandler {
  return (request: IncomingMessage, socket: Socket, head: Buffer, user: UserInfo) => {
    const url = new URL(request.url ?? "/", "https://apiserver");
    const asked: ApiRequest = {
      method: request.method ?? "GET",
      path: url.pathname,
      query: url.searchParams,
      headers: {},
      body: (async function* () {})(),
      user,
      signal: new AbortController().signal,
    };
    let target: StreamTarget;
    try {
      target = targetOf(core, asked);
    } catch (error) {
      const status = statusOf(error, core, asked);
      const body = JSON.stringify(status);
      socket.end(
        `HTTP/1.1 ${status.code} ${status.reason ?? "Error"}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
      return;
    }
    handleUpgrade(request, socket, head, target, core.streams());
  };
}
