// node streams.ts HOST SECONDS: keeps a WebSocket (port 80) and a gRPC stream (port 82) open for so long, with an exchange twice a
// second on each, and prints how many were answered and how each ended.
import { echoService, grpc, textOf, websocket } from "./libraries.ts";

const [host = "", seconds = "10"] = process.argv.slice(2);
const every = 500;
const end = Date.now() + Number(seconds) * 1000;

interface Exchange {
  sent: number;
  answered: number;
  /** Why it ended before its time. */
  broken?: string;
}

/** Sends until the time is over; the last answers get a moment. */
function keepUp(state: Exchange, send: (text: string) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (state.broken === undefined && Date.now() < end) {
        state.sent += 1;
        send(String(state.sent));
        return;
      }
      clearInterval(timer);
      setTimeout(resolve, 2_000);
    }, every);
  });
}

async function overWebSocket(): Promise<Exchange> {
  const state: Exchange = { sent: 0, answered: 0 };
  const socket = new websocket.WebSocket(`ws://${host}/`);
  const breakWith = (why: string): void => {
    state.broken ??= why;
  };
  await new Promise<void>((resolve, reject) => socket.once("open", resolve).once("error", reject));
  socket.on("error", (error) => breakWith(error.message));
  socket.on("close", (code) => breakWith(`closed ${code}`));
  socket.on("message", (message) => {
    if (textOf(message) === `echo ${state.answered + 1}`) state.answered += 1;
  });
  await keepUp(state, (text) => socket.send(text));
  return { ...state };
}

async function overGrpc(): Promise<Exchange> {
  const state: Exchange = { sent: 0, answered: 0 };
  const Client = grpc.makeClientConstructor(echoService, "test.Echo");
  const client = new Client(`${host}:82`, grpc.credentials.createInsecure()) as unknown as {
    chat(): NodeJS.ReadWriteStream;
  };
  const call = client.chat();
  const breakWith = (why: string): void => {
    state.broken ??= why;
  };
  call.on("error", (error: Error) => breakWith(error.message));
  call.on("end", () => breakWith("ended"));
  call.on("data", (text: string) => {
    if (text === `heard ${state.answered + 1}`) state.answered += 1;
  });
  await keepUp(state, (text) => void call.write(text));
  return { ...state };
}

const [webSocket, grpcStream] = await Promise.all([overWebSocket(), overGrpc()]);
console.log(JSON.stringify({ webSocket, grpcStream }));
process.exit();
