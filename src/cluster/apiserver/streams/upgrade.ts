import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { createWebSocketStream, type WebSocket, WebSocketServer } from "ws";
import type { PodRef, PodStreams } from "../../pod-streams.ts";
import { commandOverSpdy, spdyCommandProtocols } from "./command-over-spdy.ts";
import { commandOverWebsocket, websocketCommandProtocols } from "./command-over-websocket.ts";
import {
  portForwardOverSpdy,
  portForwardOverWebsocket,
  portForwardProtocol,
  tunnelProtocol,
  websocketPortProtocol,
} from "./port-forward.ts";
import type { CommandTarget } from "./remote-command.ts";

interface PortForwardTarget {
  readonly kind: "portforward";
  readonly pod: PodRef;
  /** The `ports` parameter; only the oldest WebSocket form needs it. */
  readonly ports?: readonly number[];
}

export type StreamTarget = CommandTarget | PortForwardTarget;

/** A WebSocket message may not be longer (bytes). */
const maxMessage = 1024 * 1024;

/**
 * Answers an HTTP upgrade to exec, attach or port-forward, and serves it until either side ends it. The caller has already
 * authorised it and knows that the pod exists. Speaks WebSocket and SPDY/3.1, whichever the client asks for; answers 400 or
 * 403 when it asks for neither or for no known subprotocol. Errors of the socket end the stream, never the process.
 */
export function handleUpgrade(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: StreamTarget,
  streams: PodStreams,
): void {
  socket.on("error", () => socket.destroy());
  const upgrade = (req.headers.upgrade ?? "").toLowerCase();
  if (upgrade === "websocket") upgradeToWebsocket(req, socket, head, target, streams);
  else if (upgrade === "spdy/3.1") upgradeToSpdy(req, socket, head, target, streams);
  else refuse(socket, 400, `unable to upgrade to ${JSON.stringify(upgrade)}: use websocket or SPDY/3.1`);
}

function upgradeToWebsocket(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: StreamTarget,
  streams: PodStreams,
): void {
  const offered = listOf(req.headers["sec-websocket-protocol"]);
  const known = target.kind === "portforward" ? [tunnelProtocol, websocketPortProtocol] : websocketCommandProtocols;
  // A client that names no protocol gets the first one there was.
  const protocol = offered.length === 0 ? "channel.k8s.io" : known.find((name) => offered.includes(name));
  if (protocol === undefined || req.method !== "GET") {
    refuse(socket, 400, `unable to negotiate a WebSocket subprotocol: offered ${offered.join(", ")}`);
    return;
  }
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessage,
    perMessageDeflate: false,
    handleProtocols: () => (offered.length === 0 ? false : protocol),
  });
  // ws refuses Kubernetes' name for the tunnel because of its slash; it is negotiated above.
  if (offered.length > 0) req.headers["sec-websocket-protocol"] = "negotiated";
  server.handleUpgrade(req, socket, head, (websocket) => serveWebsocket(websocket, protocol, target, streams));
}

function serveWebsocket(websocket: WebSocket, protocol: string, target: StreamTarget, streams: PodStreams): void {
  if (target.kind !== "portforward") commandOverWebsocket(websocket, protocol, target, streams);
  else if (protocol === tunnelProtocol) {
    websocket.on("error", () => websocket.terminate());
    portForwardOverSpdy(createWebSocketStream(websocket), target.pod, streams);
  } else portForwardOverWebsocket(websocket, target.pod, target.ports ?? [], streams);
}

function upgradeToSpdy(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: StreamTarget,
  streams: PodStreams,
): void {
  const offered = listOf(req.headers["x-stream-protocol-version"]);
  const known = target.kind === "portforward" ? [portForwardProtocol] : spdyCommandProtocols;
  // Kubernetes' oldest clients name none and mean the first one.
  const protocol = offered.length === 0 ? known.at(-1) : known.find((name) => offered.includes(name));
  if (protocol === undefined) {
    const lines = known.map((name) => `X-Accepted-Stream-Protocol-Versions: ${name}\r\n`).join("");
    refuse(
      socket,
      403,
      `unable to upgrade: unable to negotiate protocol: client supports ${offered.join(", ")}`,
      lines,
    );
    return;
  }
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n" +
      `X-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
  if (head.length > 0) socket.unshift(head);
  if (target.kind === "portforward") portForwardOverSpdy(socket, target.pod, streams);
  else commandOverSpdy(socket, protocol, target, streams);
}

function listOf(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(",") : (header ?? "");
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

const reasons: Readonly<Record<number, string>> = { 400: "Bad Request", 403: "Forbidden" };

function refuse(socket: Duplex, code: 400 | 403, message: string, headers = ""): void {
  const reason = code === 400 ? "BadRequest" : "Forbidden";
  const body = JSON.stringify({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    code,
  });
  socket.end(
    `HTTP/1.1 ${code} ${reasons[code] ?? ""}\r\nContent-Type: application/json\r\nConnection: close\r\n${headers}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
