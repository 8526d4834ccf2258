import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { contextName } from "#cluster/cluster-paths.ts";
import { down } from "#cluster/commands/down.ts";
import { createProgress } from "#cluster/commands/progress.ts";
import { up } from "#cluster/commands/up.ts";
import { createKubeClient } from "#kube/client.ts";
import { createHttpsTransport } from "#kube/https-transport.ts";
import { loadKubeConfig } from "#kube/kubeconfig.ts";
import { deployBookinfo, gatewayAddress, installMesh, pageAnswers } from "../src/demo/bookinfo.ts";
import { memoryByKind } from "./memory.ts";

/*
 * npm run bench:start: seconds from `weft up` on a machine that is set up to the first 200 from productpage through
 * the gateway, with every step's share, and the memory of everything. It uses a cluster of its own.
 */

const name = "bench";
const settle = 5_000;
const mib = (bytes: number) => (bytes / 2 ** 20).toFixed(0);

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "weft-bench-"));
  process.env["KUBECONFIG"] = join(folder, "config");
  const progress = createProgress(process.stderr);
  const shares: (readonly [string, number])[] = [];
  const share = async <T>(step: string, work: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await work();
    shares.push([step, performance.now() - started]);
    return result;
  };
  try {
    await down({ name, all: false, keepData: false }, progress);
    const started = performance.now();
    const status = await share("weft up", () => up({ name, timeout: 120_000 }, progress));
    await share("istioctl install (demo profile)", () => installMesh(contextName(name)));
    const client = createKubeClient(
      createHttpsTransport(loadKubeConfig({ path: join(folder, "config"), context: contextName(name) })),
    );
    await share("apply Bookinfo", () => deployBookinfo(client));
    await share("first 200 from productpage", async () => {
      const address = await gatewayAddress(client);
      await pageAnswers(`http://${address}/productpage`);
    });
    const total = performance.now() - started;
    await sleep(settle);
    report(total, shares, memoryByKind(name, status.pid));
  } finally {
    await down({ name, all: false, keepData: false }, progress);
    rmSync(folder, { recursive: true, force: true });
  }
}

function report(
  total: number,
  shares: readonly (readonly [string, number])[],
  memory: ReturnType<typeof memoryByKind>,
): void {
  const lines = [`from weft up to the first 200: ${(total / 1000).toFixed(1)} s (target: under 25 s on 2 cores)`];
  for (const [step, milliseconds] of shares)
    lines.push(`  ${step.padEnd(34)} ${(milliseconds / 1000).toFixed(1).padStart(6)} s`);
  const sum = memory.reduce((all, { pss }) => all + pss, 0);
  lines.push(`memory ${settle / 1000} s later: ${mib(sum)} MiB (target: under 2048 MiB)`);
  for (const { kind, processes, pss } of memory)
    lines.push(
      `  ${kind.padEnd(52)} ${mib(pss).padStart(5)} MiB in ${String(processes).padStart(2)}, ${(pss / processes / 2 ** 20).toFixed(1)} MiB each`,
    );
  process.stdout.write(`${lines.join("\n")}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`bench:start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
