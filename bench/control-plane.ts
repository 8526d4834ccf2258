import { parseArgs } from "node:util";
import { startCluster } from "./control-plane/cluster.ts";
import { type Figures, measure } from "./control-plane/measure.ts";
import { figuresTable, targetsTable } from "./control-plane/report.ts";
import type { Size } from "./control-plane/size.ts";

/*
 * npm run bench:control-plane: what the control plane costs as the mesh grows. For every size a fresh istiod (its real process,
 * against Weft's API server) configures sidecars (delta ADS, another process); then one endpoint, one VirtualService, and nothing
 * changes. Sidecars see the whole mesh, or are scoped to their own namespace by Sidecar resources.
 *
 *   --proxies 50,100    only these numbers of sidecars, with --services
 *   --services 1000     only this many services
 *   --scoped            with Sidecar resources
 *   --cpu-prof DIR      istiod writes a CPU profile into DIR
 */

const namespaces = 20;
/** One step may take so long, ms. */
const limitMs = 180_000;

/** The curve over sidecars, many that are scoped, and the curve over services. */
const defaultSizes: readonly Size[] = [
  ...[50, 100, 200, 500].map((proxies) => ({ services: 1_000, namespaces, proxies })),
  { services: 1_000, namespaces, proxies: 2_000, scoped: true },
  ...[250, 500, 2_000, 10_000].map((services) => ({ services, namespaces, proxies: 100 })),
];

function sizesOf(services: string | undefined, proxies: string | undefined, scoped: boolean): readonly Size[] {
  if (services === undefined && proxies === undefined && !scoped) return defaultSizes;
  const numbers = (flag: string, text: string): number[] =>
    text.split(",").map((part) => {
      const number = Number(part);
      if (!Number.isInteger(number) || number < 1 || number > 20_000)
        throw new Error(`--${flag}: ${JSON.stringify(part)} is not a number from 1 to 20000`);
      return number;
    });
  return numbers("services", services ?? "1000").flatMap((count) =>
    numbers("proxies", proxies ?? "100").map((sidecars) => ({
      services: count,
      namespaces,
      proxies: sidecars,
      scoped,
    })),
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      proxies: { type: "string" },
      services: { type: "string" },
      scoped: { type: "boolean", default: false },
      "cpu-prof": { type: "string" },
    },
  });
  const sizes = sizesOf(values.services, values.proxies, values.scoped);
  const profile = values["cpu-prof"];
  const nodeFlags = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const all: Figures[] = [];
  for (const services of new Set(sizes.map((size) => size.services))) {
    const group = sizes.filter((size) => size.services === services);
    process.stderr.write(`filling a cluster with ${services} services\n`);
    const cluster = await startCluster({ services, namespaces, proxies: 0 });
    try {
      for (const size of group) {
        process.stderr.write(
          `measuring ${size.proxies}${size.scoped ? " scoped" : ""} sidecars with ${services} services\n`,
        );
        all.push(await measure(cluster, size, { nodeFlags, limitMs, changes: { endpoint: 10, route: 5 } }));
      }
    } finally {
      await cluster.stop();
    }
  }
  process.stdout.write(`${figuresTable(all)}\n`);
  const asked = all.find(({ size }) => size.services === 1_000 && size.proxies === 500 && !size.scoped);
  if (asked) process.stdout.write(`\n${targetsTable(asked)}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(
    `bench:control-plane: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 1;
}
