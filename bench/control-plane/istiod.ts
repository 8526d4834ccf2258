import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Usage, usageOf } from "./usage.ts";

/** istiod in a process of its own, as it is in production. */
export interface IstiodProcess {
  readonly xdsPort: number;
  readonly webhookPort: number;
  usage(): Usage;
  stop(): Promise<void>;
}

const root = join(import.meta.dirname, "../..");
/** Starts it on free ports and resolves when it is ready. `nodeFlags` are for profiles. */
export async function startIstiodProcess(kubeconfig: string, nodeFlags: readonly string[]): Promise<IstiodProcess> {
  const ports = ["--monitoringAddr", "--httpAddr", "--grpcAddr", "--secureGRPCAddr", "--httpsAddr"];
  const child = spawn(
    process.execPath,
    [
      // As bin/pilot-discovery has them.
      "--disable-warning=ExperimentalWarning",
      "--max-semi-space-size=16",
      ...nodeFlags,
      join(root, "src/istiod/main.ts"),
      "discovery",
      `--kubeconfig=${kubeconfig}`,
      ...ports.map((flag) => `${flag}=127.0.0.1:0`),
    ],
    { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, WEFT_LOG: "info" } },
  );
  const closed = new Promise<void>((done) => child.once("close", () => done()));
  const ready = Promise.withResolvers<{ readonly xds: number; readonly webhook: number }>();
  createInterface({ input: child.stderr }).on("line", (line) => {
    try {
      const { msg, level, ports } = JSON.parse(line);
      if (level === "error") process.stderr.write(`istiod: ${line}\n`);
      if (msg === "ready") ready.resolve(ports);
    } catch {
      process.stderr.write(`istiod: ${line}\n`);
    }
  });
  void closed.then(() => ready.reject(new Error("istiod ended before it was ready")));
  const { xds, webhook } = await ready.promise;
  return {
    xdsPort: xds,
    webhookPort: webhook,
    usage: () => usageOf(child.pid ?? 0),
    async stop() {
      child.kill("SIGTERM");
      await closed;
    },
  };
}
