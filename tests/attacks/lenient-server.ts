import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo, Server } from "node:net";
import type { Owner } from "./attacked-mesh.ts";

/** A workload that believes everything: what it saw is what got through the proxy. */
export interface LenientServer {
  readonly port: number;
  /** Request lines, in order. */
  readonly requests: string[];
  /** The header fields of the last request. */
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

async function listening(t: Owner, server: Server): Promise<number> {
  server.listen(0);
  await once(server, "listening");
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** An HTTP server that parses as leniently as Node can. */
export async function lenientServer(t: Owner): Promise<LenientServer> {
  const requests: string[] = [];
  const server = createServer({ insecureHTTPParser: true, keepAliveTimeout: 60_000 }, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    seen.headers = request.headers;
    request.resume();
    request.on("end", () => response.end("reached"));
  });
  t.after(() => server.closeAllConnections());
  const seen: LenientServer = { port: await listening(t, server), requests, headers: {} };
  return seen;
}
