import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createH2cServer, createSecureServer } from "node:http2";
import { createServer as createTcpServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { answererFrom } from "./echo.ts";
import { grpcEcho } from "./grpc-echo.ts";
import { httpEcho } from "./http-echo.ts";

/*
 * Says what it was asked: over HTTP/1.1, HTTP/2, WebSocket (/ws), gRPC, TCP, and TLS where it has a certificate. It stands for the
 * echo servers of the Gateway API's conformance tests and takes their settings: echo-basic is told by its environment,
 * echo-advanced by --port, --grpc and --tcp.
 */

const { env } = process;
const { values } = parseArgs({
  options: {
    port: { type: "string", multiple: true, default: [] },
    grpc: { type: "string", multiple: true, default: [] },
    tcp: { type: "string", multiple: true, default: [] },
    tls: { type: "string", multiple: true, default: [] },
  },
  strict: false,
  allowPositionals: true,
});
const ports = (name: "port" | "grpc" | "tcp" | "tls"): number[] => (values[name] as string[]).map(Number);
const answerer = answererFrom(env);
const echo = httpEcho(answerer);

function serveHttp(port: number): void {
  const server = createServer(echo);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 });
  server.on("upgrade", (request, socket, head) => {
    if (request.url !== "/ws") socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
    else
      sockets.handleUpgrade(request, socket, head, (client) => {
        client.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
      });
  });
  server.listen(port);
}

function serveGrpc(port: number): void {
  createH2cServer().on("stream", grpcEcho(answerer)).listen(port);
}

function serveTcp(socket: Socket): void {
  socket.on("error", () => {});
  socket.on("data", (data) => socket.write(`${JSON.stringify({ ...answerer, request: data.toString("utf8") })}\n`));
}

/** The certificate that the environment names, if it is there. */
function certificate(): { cert: Buffer; key: Buffer } | undefined {
  const [cert, key] = [env["TLS_SERVER_CERT"], env["TLS_SERVER_PRIVKEY"] ?? env["TLS_SERVER_PRIV_KEY"]];
  return cert && key ? { cert: readFileSync(cert), key: readFileSync(key) } : undefined;
}

const plainPort = Number(env["HTTP_PORT"] ?? 3000);
const securePort = Number(env["HTTPS_PORT"] ?? 8443);
const isAdvanced = ["port", "grpc", "tcp"].some((name) => ports(name as "port").length > 0);
const credentials = certificate();
if (isAdvanced) {
  for (const port of ports("port").filter((one) => !ports("tls").includes(one))) serveHttp(port);
  for (const port of ports("grpc")) serveGrpc(port);
  for (const port of ports("tcp")) createTcpServer(serveTcp).listen(port);
} else if (env["TCP_ECHO_SERVER"]) {
  createTcpServer(serveTcp).listen(plainPort);
  if (credentials) createTlsServer(credentials, serveTcp).listen(securePort);
} else if (env["GRPC_ECHO_SERVER"]) {
  serveGrpc(plainPort);
  if (credentials) createSecureServer(credentials).on("stream", grpcEcho(answerer)).listen(securePort);
} else {
  serveHttp(plainPort);
  createH2cServer(echo).listen(Number(env["H2C_PORT"] ?? 3001));
  if (credentials) createSecureServer({ ...credentials, allowHTTP1: true }, echo).listen(securePort);
}
