import { createSocket } from "node:dgram";
import { readFile } from "node:fs/promises";
import { createConnection, isIP } from "node:net";

/** Sends a query as it is and resolves to the answer as it came. Rejects when no resolver answers in time. */
export type Forward = (query: Buffer, over: "udp" | "tcp") => Promise<Buffer>;

/** How long one resolver has (ms), and how often the list is tried. */
const patience = 2_000;
const rounds = 2;
/** More than this many questions at once are refused: a resolver that hangs must not eat all sockets. */
const maxWaiting = 256;
const resolversLifetime = 5_000;

/** Asks the machine's own resolvers, as `/etc/resolv.conf` names them now, in turn. */
export function createForward(resolvConf = "/etc/resolv.conf", except: readonly string[] = []): Forward {
  let waiting = 0;
  let known: { list: readonly string[]; until: number } = { list: [], until: 0 };

  async function resolvers(): Promise<readonly string[]> {
    if (known.until < Date.now()) {
      const text = await readFile(resolvConf, "utf8").catch(() => "");
      known = { list: nameServers(text).filter((ip) => !except.includes(ip)), until: Date.now() + resolversLifetime };
    }
    return known.list;
  }

  return async (query, over) => {
    if (waiting >= maxWaiting) throw new Error(`${maxWaiting} questions are waiting for an answer already`);
    waiting++;
    try {
      const list = await resolvers();
      if (list.length === 0) throw new Error(`${resolvConf} names no resolver`);
      let failure: unknown;
      for (let round = 0; round < rounds; round++)
        for (const resolver of list) {
          try {
            return await (over === "udp" ? askByDatagram(query, resolver) : askByStream(query, resolver));
          } catch (error) {
            failure = error;
          }
        }
      throw failure;
    } finally {
      waiting--;
    }
  };
}

function nameServers(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([keyword, address = ""]) => (keyword === "nameserver" && isIP(address) ? [address] : []))
    .slice(0, 3);
}

function askByDatagram(query: Buffer, resolver: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // A socket of its own gives each question a source port of its own.
    const socket = createSocket(isIP(resolver) === 6 ? "udp6" : "udp4");
    const end = (settle: () => void) => {
      clearTimeout(timer);
      socket.close();
      settle();
    };
    const timer = setTimeout(() => end(() => reject(new Error(`${resolver} doesn't answer`))), patience);
    socket.on("error", (error) => end(() => reject(error)));
    socket.on("message", (answer) => {
      if (answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0)) end(() => resolve(answer));
    });
    // Connected, so that only the resolver is heard and a refusal is told.
    socket.connect(53, resolver, () => socket.send(query));
  });
}

function askByStream(query: Buffer, resolver: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: resolver, port: 53, timeout: patience });
    let received = Buffer.alloc(0);
    socket.on("connect", () => socket.write(framed(query)));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      socket.destroy();
      resolve(received.subarray(2, 2 + received.readUInt16BE(0)));
    });
    const fail = (why: string) => {
      socket.destroy();
      reject(new Error(`${resolver} ${why}`));
    };
    socket.on("timeout", () => fail("doesn't answer"));
    socket.on("error", (error) => fail(error.message));
    socket.on("close", () => fail("closed the connection"));
  });
}

/** RFC 1035 §4.2.2: two bytes of length go first. */
export function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(message.length);
  return Buffer.concat([head, message]);
}
