import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, request, type Server } from "node:http";

/** What `weft status` and a waiting `weft up` ask the daemon. */
export interface DaemonStatus {
  readonly name: string;
  readonly pid: number;
  readonly state: "starting" | "ready" | "stopping";
  /** What it is doing, or did last. */
  readonly steps: readonly StartStep[];
  readonly startedAt: string;
  readonly apiServer: string;
  readonly nodeIp: string;
  readonly pods: number;
  /** Ports on localhost that lead into the cluster: port → where to. */
  readonly forwards: Readonly<Record<string, string>>;
}

export interface StartStep {
  readonly name: string;
  /** Undefined while it goes on. */
  readonly milliseconds?: number;
}

export interface ControlHandlers {
  status(): Promise<DaemonStatus>;
  /** A process of the pod, in the host's process ids; undefined where there is none. */
  podPid(namespace: string, name: string): number | undefined;
  /** Opens a port on localhost that leads to `host:port`; resolves to the one it got. */
  forward(to: string, wanted: number): Promise<number>;
  stop(): void;
}

/** HTTP with JSON on a socket that only root can open. */
export async function startControlServer(path: string, handlers: ControlHandlers): Promise<Server> {
  const server = createServer((req, res) => {
    const url = new URL(req.url ?? "/", "http://daemon");
    const say = (code: number, body: unknown) => {
      res.writeHead(code, { "content-type": "application/json" });
      res.end(JSON.stringify(body));
    };
    const query = (name: string) => url.searchParams.get(name) ?? "";
    switch (`${req.method} ${url.pathname}`) {
      case "GET /status":
        return void handlers.status().then(
          (status) => say(200, status),
          (error: unknown) => say(500, { message: error instanceof Error ? error.message : String(error) }),
        );
      case "GET /pid":
        return say(200, { pid: handlers.podPid(query("namespace"), query("pod")) });
      case "POST /forward":
        return void handlers.forward(query("to"), Number(query("wanted"))).then(
          (port) => say(200, { port }),
          (error: unknown) => say(500, { message: error instanceof Error ? error.message : String(error) }),
        );
      case "POST /stop":
        say(202, {});
        return handlers.stop();
      default:
        return say(404, { message: `no ${req.method} ${url.pathname}` });
    }
  });
  rmSync(path, { force: true });
  server.listen(path);
  await once(server, "listening");
  return server;
}

/** Asks a daemon. Undefined when nobody listens on the socket. */
export function askDaemon<T>(path: string, method: "GET" | "POST", target: string): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: path, method, path: target, timeout: 10_000 }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("end", () => {
        const body = JSON.parse(Buffer.concat(chunks).toString() || "{}") as T & { message?: string };
        if ((res.statusCode ?? 500) < 400) resolve(body);
        else reject(new Error(body.message ?? `the daemon answered ${res.statusCode}`));
      });
    });
    call.on("timeout", () => call.destroy(new Error(`the daemon behind ${path} doesn't answer`)));
    call.on("error", (error: NodeJS.ErrnoException) => {
      if (["ENOENT", "ECONNREFUSED", "ECONNRESET"].includes(error.code ?? "")) resolve(undefined);
      else reject(error);
    });
    call.end();
  });
}
