import { connect, createServer, type Server } from "node:net";
import type { CaptureSettings } from "./settings.ts";

const timeoutMs = 5_000;
/** Where the probe goes: an address of `lo` on which nobody listens, from which capture must divert it. */
const probe = { v4: { host: "127.0.0.6", port: 15002 }, v6: { host: "::6", port: 15002 } };

/**
 * Checks that capture works, as the proxy's user: a connection to a loopback address other than localhost must end at
 * the inbound port. Resolves with what is wrong, or undefined. Istio: `--run-validation`.
 */
export async function captureProblem(settings: CaptureSettings): Promise<string | undefined> {
  const family = settings.enableIpv6 ? "v6" : "v4";
  const port = Number(settings.inboundCapturePort);
  let server: Server | undefined;
  try {
    server = await listen(port, family === "v6" ? "::" : "0.0.0.0");
  } catch (error) {
    return `port ${port} can't be listened on: ${(error as Error).message}`;
  }
  const arrived = new Promise<boolean>((resolve) => {
    server.once("connection", (socket) => {
      socket.destroy();
      resolve(true);
    });
    const { host, port } = probe[family];
    const client = connect({ host, port, timeout: timeoutMs });
    client.once("error", () => resolve(false));
    client.once("timeout", () => resolve(false));
    client.once("connect", () => client.end());
    setTimeout(() => resolve(false), timeoutMs).unref();
  });
  const captured = await arrived;
  server.close();
  return captured
    ? undefined
    : `a connection to ${probe[family].host}:${probe[family].port} didn't reach port ${port}: the CNI plugin hasn't written the capture rules`;
}

function listen(port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, host, () => resolve(server));
  });
}
