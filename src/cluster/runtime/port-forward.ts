import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { PodStreamError } from "../pod-streams.ts";

/** Connections into pods' network namespaces. */
export interface PortForwarder {
  /** To `127.0.0.1:port` in this namespace. Rejects with `PodStreamError` when nobody listens there. */
  connect(netns: string, port: number): Promise<Duplex>;
  stop(): void;
}

interface Relay {
  readonly child: ChildProcess;
  readonly socketPath: string;
  readonly ready: Promise<unknown>;
  connections: number;
  idle: NodeJS.Timeout | undefined;
}

/** A relay that nobody uses ends after so long (ms). */
const idleLimit = 30_000;
/** Relays at a time: each is a process. */
const maxRelays = 32;
/** The relay's one line of answer is short (bytes). */
const longestAnswer = 512;
const program = new URL("./port-forward-relay.ts", import.meta.url).pathname;

/**
 * One helper process per pod in use, inside the pod's network namespace: a listener on the pod's own loopback can't be reached from
 * outside. The daemon talks to it over a Unix socket: a line with the port, a line back, then bytes.
 */
export function createPortForwarder(directory: string): PortForwarder {
  const relays = new Map<string, Relay>();
  let counter = 0;

  function relay(netns: string): Relay {
    const known = relays.get(netns);
    if (known) return known;
    if (relays.size >= maxRelays)
      throw new PodStreamError(
        500,
        `port-forward: ${maxRelays} pods are being forwarded to already; end one of them first`,
      );
    counter += 1;
    const socketPath = join(directory, `${counter}.sock`);
    // It ends when its standard input does, so it doesn't outlive the daemon.
    const ready = mkdir(directory, { recursive: true });
    const child = spawn("nsenter", [`--net=${netns}`, "--", process.execPath, program, socketPath], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.on("error", () => {});
    const made: Relay = {
      child,
      socketPath,
      ready: ready.then(() => Promise.race([once(child.stdout, "data"), failure(child)])),
      connections: 0,
      idle: undefined,
    };
    relays.set(netns, made);
    child.on("exit", () => {
      if (relays.get(netns) === made) relays.delete(netns);
      void rm(socketPath, { force: true });
    });
    return made;
  }

  function release(used: Relay): void {
    used.connections -= 1;
    if (used.connections > 0) return;
    used.idle = setTimeout(() => used.child.stdin?.end(), idleLimit);
    used.idle.unref();
  }

  return {
    async connect(netns, port) {
      const used = relay(netns);
      clearTimeout(used.idle);
      used.connections += 1;
      try {
        await used.ready;
        const socket = await dial(used.socketPath, port);
        socket.once("close", () => release(used));
        return socket;
      } catch (error) {
        release(used);
        throw error;
      }
    },
    stop() {
      for (const { child, idle } of relays.values()) {
        clearTimeout(idle);
        child.kill("SIGKILL");
      }
    },
  };
}

async function failure(child: ChildProcess): Promise<never> {
  await once(child, "exit");
  throw new PodStreamError(
    500,
    "port-forward: the relay in the pod's network ended; is nsenter (util-linux) installed?",
  );
}

async function dial(socketPath: string, port: number): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = connect({ path: socketPath, allowHalfOpen: true });
  socket.on("error", reject);
  socket.write(`${port}\n`);
  let answer = Buffer.alloc(0);
  // By `readable`, not by `data`: the stream is then handed on as if nobody had read from it.
  const read = (): void => {
    for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null)
      answer = Buffer.concat([answer, chunk]);
    const end = answer.indexOf(10);
    if (end < 0 && answer.length < longestAnswer) return;
    socket.off("readable", read);
    const line = answer.toString("utf8", 0, Math.max(0, end));
    if (line !== "ok") {
      socket.destroy();
      reject(new PodStreamError(500, `port-forward: ${line}`));
      return;
    }
    if (answer.length > end + 1) socket.unshift(answer.subarray(end + 1));
    socket.off("error", reject);
    resolve(socket);
  };
  socket.on("readable", read);
  socket.once("close", () => reject(new PodStreamError(500, `port-forward: no answer from the pod's port ${port}`)));
  return promise;
}
