import { once } from "node:events";
import { createConnection, createServer, type Server } from "node:net";

/** Ports on the machine's loopback that lead into the cluster, for a browser that reaches the machine by a forwarded port. */
export interface Forwards {
  /** Leads the port to `host:port`. The one asked for, or the next that is free; the same target keeps its port. */
  open(to: string, wanted: number): Promise<number>;
  readonly list: Readonly<Record<string, string>>;
  stop(): void;
}

const tries = 50;

export function createForwards(): Forwards {
  const servers = new Map<number, { server: Server; to: string }>();

  async function open(to: string, wanted: number): Promise<number> {
    for (const [port, forward] of servers) if (forward.to === to) return port;
    const separator = to.lastIndexOf(":");
    const target = { host: to.slice(0, separator), port: Number(to.slice(separator + 1)) };
    if (separator < 1 || !(target.port > 0 && target.port < 65_536))
      throw new Error(`forward to "${to}": want HOST:PORT`);
    if (!(wanted > 0 && wanted < 65_536)) throw new Error(`forward from port ${wanted}: want 1 to 65535`);
    for (let port = wanted; port < Math.min(65_536, wanted + tries); port++) {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (from) => {
        const into = createConnection({ ...target, allowHalfOpen: true, noDelay: true });
        from.on("error", () => into.destroy());
        into.on("error", () => from.destroy());
        from.pipe(into);
        into.pipe(from);
      });
      try {
        server.listen(port, "127.0.0.1");
        await once(server, "listening");
        servers.set(port, { server, to });
        return port;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      }
    }
    throw new Error(`ports ${wanted} to ${wanted + tries - 1} are all taken on 127.0.0.1`);
  }

  return {
    open,
    get list() {
      return Object.fromEntries([...servers].map(([port, { to }]) => [String(port), to]));
    },
    stop() {
      for (const { server } of servers.values()) server.close();
    },
  };
}
