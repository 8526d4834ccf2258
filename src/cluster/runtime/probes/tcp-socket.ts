import { connect } from "node:net";

/** Resolves when a connection could be made; rejects when it was refused or the time (ms) is over. */
export function tcpConnect(host: string, port: number, timeout: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ host, port });
  const timer = setTimeout(() => socket.destroy(new Error(`dial tcp ${host}:${port}: i/o timeout`)), timeout);
  socket.on("connect", () => {
    resolve();
    socket.destroy();
  });
  socket.on("error", reject);
  socket.on("close", () => clearTimeout(timer));
  return promise;
}
