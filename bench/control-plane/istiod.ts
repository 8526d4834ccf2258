import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** istiod in a process of its own, as it is in production. */
export interface IstiodProcess {
  readonly xdsPort: number;
  readonly webhookPort: number;
  usage(): Usage;
  stop(): Promise<void>;
}

export interface Usage {
  /** User and system time of all threads, seconds. */
  readonly cpu: number;
  /** Resident memory now and at its highest, bytes. */
  readonly rss: number;
  readonly peak: number;
}

const root = join(import.meta.dirname, "../..");
/** Linux counts CPU time in these (`getconf CLK_TCK`). */
const ticksPerSecond = 100;

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

function usageOf(pid: number): Usage {
  // The second field, a name in parentheses, may have blanks in it.
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "");
  const [user = 0, system = 0] = stat.split(" ").slice(11, 13).map(Number);
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
  return { cpu: (user + system) / ticksPerSecond, rss: kib("VmRSS") * 1024, peak: kib("VmHWM") * 1024 };
}
