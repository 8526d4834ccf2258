// Serves what services speak, a port for each.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { createServer as createTcpServer, type Socket } from "node:net";
import { hostname } from "node:os";
import { createServer as createTlsServer } from "node:tls";
import { echoService, grpc, textOf, websocket } from "./libraries.ts";

const web = createServer((request, response) =>
  response.end(JSON.stringify({ host: hostname(), version: request.httpVersion, headers: request.headers })),
);
new websocket.WebSocketServer({ server: web }).on("connection", (socket) => {
  socket.on("message", (message) => socket.send(`echo ${textOf(message)}`));
});
web.listen(8080);

// An HTTP proxy: what is connected to is always the echo below.
createServer()
  .on("connect", (_request, socket: Socket) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    echo(socket);
  })
  .listen(8888);

const h2c = createHttp2Server();
h2c.on("stream", (stream) => {
  stream.respond({ ":status": 200 });
  stream.end(`HTTP/2 ${hostname()}`);
});
h2c.listen(8081);

const calls = new grpc.Server();
calls.addService(echoService, {
  say(call: { request: string }, callback: (error: null, answer: string) => void) {
    callback(null, `said ${call.request}`);
  },
  chat(call: NodeJS.ReadWriteStream) {
    call.on("data", (text: string) => call.write(`heard ${text}`));
    call.on("end", () => call.end());
  },
});
calls.bindAsync("0.0.0.0:8082", grpc.ServerCredentials.createInsecure(), () => {});

function echo(socket: Socket): void {
  socket.on("error", () => {});
  socket.on("data", (bytes) => socket.write(`echo ${bytes.toString()}`));
}
createTcpServer(echo).listen(9000);
createTcpServer(echo).listen(9009, "127.0.0.1");

// The server speaks first.
for (const port of [3306, 9001])
  createTcpServer((socket) => {
    socket.write("greetings\n");
    echo(socket);
  }).listen(port);

createTcpServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", () => socket.write("+PONG\r\n"));
}).listen(6379);

// MongoDB's OP_MSG with the document {ok: 1.0}, in answer to anything.
createTcpServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", (bytes) => {
    const document = Buffer.from("11000000016f6b00000000000000f03f00", "hex");
    const header = Buffer.alloc(21);
    [21 + document.length, 1, bytes.readInt32LE(4), 2013].forEach((value, index) =>
      header.writeInt32LE(value, index * 4),
    );
    socket.write(Buffer.concat([header, document]));
  });
}).listen(27017);

for (const [port, name] of [
  [8443, "one"],
  [8444, "two"],
] as const) {
  if (!existsSync(`/certificates/${name}.crt`)) continue;
  createTlsServer(
    { cert: readFileSync(`/certificates/${name}.crt`), key: readFileSync(`/certificates/${name}.key`) },
    (socket) => socket.on("error", () => {}).on("data", () => socket.write(`secret ${name}`)),
  ).listen(port);
}
