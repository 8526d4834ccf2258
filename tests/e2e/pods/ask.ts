// node ask.ts KIND HOST PORT [NAME]: asks one question in a protocol and prints the answer. NAME: Host header, or SNI.
import { get, request } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { echoService, grpc, textOf, websocket } from "./libraries.ts";

const [kind = "", host = "", portText = "", name = host] = process.argv.slice(2);
const port = Number(portText);

/** What comes until nothing came for a moment. */
function said(socket: Socket, quietMs = 300): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    let timer: NodeJS.Timeout | undefined;
    socket.on("data", (bytes: Buffer) => {
      text += bytes.toString("latin1");
      clearTimeout(timer);
      timer = setTimeout(() => resolve(text), quietMs);
    });
    socket.on("error", reject);
    socket.on("close", () => (text ? resolve(text) : reject(new Error("closed without a word"))));
  });
}

function tcp(question: string | Buffer): Promise<string> {
  const socket = connect(port, host, () => socket.write(question));
  return said(socket);
}

function grpcClient() {
  const Client = grpc.makeClientConstructor(echoService, "test.Echo");
  return new Client(`${host}:${port}`, grpc.credentials.createInsecure(), {
    "grpc.default_authority": name === host ? `${host}:${port}` : name,
  }) as unknown as {
    say(text: string, callback: (error: Error | null, answer: string) => void): void;
    chat(): NodeJS.ReadWriteStream;
  };
}

const kinds: Readonly<Record<string, () => Promise<string>>> = {
  http: () =>
    new Promise((resolve, reject) => {
      get({ host, port, headers: name === host ? {} : { host: name } }, (answer) => {
        let text = "";
        answer.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
        answer.on("end", () => resolve(`${answer.statusCode} ${String(answer.headers["server"])} ${text}`));
      }).on("error", reject);
    }),
  http2: () =>
    new Promise((resolve, reject) => {
      const session = connectHttp2(`http://${host}:${port}`);
      session.on("error", reject);
      const stream = session.request({ ":path": "/", ...(name === host ? {} : { ":authority": name }) });
      let text = "";
      stream.on("response", (headers) => {
        text = `${headers[":status"]} ${String(headers["server"])} `;
      });
      stream.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      stream.on("error", reject);
      stream.on("end", () => resolve(text));
    }),
  grpc: () =>
    new Promise((resolve, reject) =>
      grpcClient().say("hello", (error, answer) => (error ? reject(error) : resolve(answer))),
    ),
  chat: () =>
    new Promise((resolve, reject) => {
      const call = grpcClient().chat();
      const heard: string[] = [];
      call.on("error", reject);
      call.on("data", (text: string) => {
        heard.push(text);
        if (heard.length < 3) call.write(String(heard.length));
        else call.end();
      });
      call.on("end", () => resolve(heard.join(",")));
      call.write("0");
    }),
  "grpc-web": () =>
    new Promise((resolve, reject) => {
      const message = Buffer.from("hello");
      const frame = Buffer.alloc(5);
      frame.writeUInt32BE(message.length, 1);
      const headers = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" };
      const call = request({ host, port, method: "POST", path: "/test.Echo/Say", headers }, (answer) => {
        let text = "";
        answer.on("data", (chunk: Buffer) => {
          text += chunk.toString("latin1");
        });
        answer.on("end", () => resolve(`${answer.statusCode} ${answer.headers["content-type"]} ${text}`));
      });
      call.on("error", reject);
      call.end(Buffer.concat([frame, message]));
    }),
  websocket: () =>
    new Promise((resolve, reject) => {
      const socket = new websocket.WebSocket(`ws://${host}:${port}/`, { headers: name === host ? {} : { host: name } });
      socket.on("error", reject);
      socket.on("open", () => socket.send("hello"));
      socket.on("message", (message) => resolve(textOf(message)));
    }),
  connect: () =>
    new Promise((resolve, reject) => {
      const call = request({ host, port, method: "CONNECT", path: "elsewhere:7" });
      call.on("error", reject);
      call.on("connect", (answer, socket) => {
        socket.write("hello");
        said(socket).then((text) => resolve(`${answer.statusCode} ${text}`), reject);
      });
      call.end();
    }),
  // A line end tells those who look that this is no HTTP.
  tcp: () => tcp("hello\n"),
  redis: () => tcp("PING\r\n"),
  mongo: async () => {
    const hello = Buffer.from(
      "330000000700000000000000dd07000000000000001e0000001068656c6c6f000100000002246462000600000061646d696e0000",
      "hex",
    );
    hello.writeInt32LE(hello.length, 0);
    return Buffer.from(await tcp(hello), "latin1").toString("hex");
  },
  first: async () => {
    const socket = connect(port, host);
    const greeting = await said(socket);
    socket.write("hello");
    return `${greeting.trim()} ${await said(socket)}`;
  },
  tls: () =>
    new Promise((resolve, reject) => {
      const socket = connectTls({ host, port, servername: name, rejectUnauthorized: false }, () => {
        socket.write("hello");
        said(socket).then((text) => resolve(`${socket.getPeerCertificate().subjectaltname} ${text}`), reject);
      });
      socket.on("error", reject);
    }),
};

setTimeout(() => {
  console.log("nothing within 10 s");
  process.exit();
}, 10_000);
const ask = kinds[kind];
if (!ask) throw new Error(`unknown kind ${kind}`);
console.log(await ask().catch((error: Error) => `failed: ${error.message}`));
process.exit();
