import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { unusedMeshFields } from "#config/unused-mesh-fields.ts";
import { type Connection, type ConnectionFlags, connect, withConnectionFlags } from "../connection.ts";
import { createDiscovery } from "../discovery.ts";
import { UsageError } from "../usage-error.ts";
import { applyManifests } from "./apply.ts";
import { mergeTrees, type Tree, textAt, treeAt } from "./merge.ts";
import { resolveOperatorSpec } from "./operator-spec.ts";
import { createProgress } from "./progress.ts";
import { pruneComponents } from "./prune.ts";
import { renderComponents } from "./render/components.ts";
import type { Component } from "./render/manifest.ts";
import { waitReady } from "./wait-ready.ts";

interface InstallFlags extends ConnectionFlags {
  readonly filename: readonly string[];
  readonly set: readonly string[];
  readonly revision?: string;
  readonly skipConfirmation?: boolean;
  readonly dryRun?: boolean;
  readonly readinessTimeout: string;
}

const collect = (value: string, previous: readonly string[]): readonly string[] => [...previous, value];

/** The flags that say what to install: shared with `manifest generate`. */
export function withSpecFlags(command: Command): Command {
  return command
    .option("-f, --filename <file>", "IstioOperator file; may be repeated, later ones win", collect, [])
    .option(
      "-s, --set <path=value>",
      "a setting, such as profile=demo or values.global.proxy.logLevel=debug",
      collect,
      [],
    )
    .option("-r, --revision <name>", "control plane revision");
}

export function addInstallCommand(program: Command): void {
  const command = program.command("install").alias("apply").description("install the mesh, or change its settings");
  withConnectionFlags(withSpecFlags(command))
    .option("-y, --skip-confirmation", "don't ask")
    .option("--dry-run", "let the API server check everything, change nothing")
    .option("--readiness-timeout <duration>", "how long to wait for deployments", "300s")
    .action(async (flags: InstallFlags) => install(flags));
}

async function install(flags: InstallFlags): Promise<void> {
  const spec = resolveOperatorSpec({
    files: flags.filename,
    set: flags.set,
    ...(flags.revision ? { revision: flags.revision } : {}),
  });
  for (const field of unusedMeshFields(mergeTrees(treeAt(spec, "values", "meshConfig"), treeAt(spec, "meshConfig"))))
    process.stderr.write(`! meshConfig.${field}\n`);
  const components = renderComponents(spec);
  const timeoutMs = parseSeconds(flags.readinessTimeout);
  const connection = connect(flags);
  const cluster = connection.config.context ?? connection.config.server;
  if (!flags.skipConfirmation && !flags.dryRun) await confirm(describe(spec, components, cluster));
  if (flags.dryRun) {
    await dryRun(connection, components);
    return;
  }
  await applyComponents(connection, components, timeoutMs);
  process.stdout.write("✔ Installation complete\n");
}

/**
 * Everything is applied at once, since proxies wait for istiod by themselves; then each component is waited for and
 * reported in order.
 */
async function applyComponents(
  connection: Connection,
  components: readonly Component[],
  timeoutMs: number,
): Promise<void> {
  const progress = createProgress(process.stdout);
  const discovery = createDiscovery(connection.client);
  for (const component of components) {
    progress.begin(`Applying ${component.title}`);
    try {
      await applyManifests(connection.client, discovery, component.manifests);
    } catch (error) {
      progress.failed(component.title);
      throw error;
    }
  }
  for (const component of components) {
    progress.begin(`Waiting for ${component.title}`);
    try {
      await waitReady(connection.client, component.manifests, timeoutMs);
    } catch (error) {
      progress.failed(component.title);
      throw error;
    }
    progress.done(`${component.title} installed`);
  }
  const removed = await pruneComponents(connection.client, components);
  for (const object of removed) progress.done(`removed ${object}, which the settings no longer ask for`);
}

/** Objects whose namespace or definition doesn't exist yet can't be checked by the server: they are only counted. */
async function dryRun(connection: Connection, components: readonly Component[]): Promise<void> {
  const discovery = createDiscovery(connection.client);
  let unchecked = 0;
  for (const component of components) {
    for (const manifest of component.manifests) {
      try {
        await applyManifests(connection.client, discovery, [manifest], { dryRun: true });
      } catch (error) {
        const cause = error instanceof Error ? error.cause : undefined;
        if (!(cause instanceof Error && "code" in cause && cause.code === 404)) throw error;
        unchecked++;
      }
    }
    process.stdout.write(`${component.title}: ${component.manifests.length} objects would be applied\n`);
  }
  if (unchecked > 0) process.stdout.write(`${unchecked} of them need the namespace first and weren't checked\n`);
}

function describe(spec: Tree, components: readonly Component[], cluster: string): string {
  const titles = components.map(({ title }) => title).join(", ");
  return `This will install the ${textAt(spec, "profile")} profile (${titles}) into the cluster ${cluster}. Proceed? (y/N) `;
}

/** Rejects with {@link UsageError} unless the user says yes. */
export async function confirm(question: string): Promise<void> {
  if (!process.stdin.isTTY) throw new UsageError(`${question}\nthere is nobody to ask: pass -y to proceed`);
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await lines.question(question);
  lines.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError("cancelled; nothing was changed");
}

function parseSeconds(text: string): number {
  const match = /^(\d+)(s|m|h)$/.exec(text);
  if (!match) throw new UsageError(`--readiness-timeout ${text}: expected a duration such as 90s or 5m`);
  const unit = { s: 1000, m: 60_000, h: 3_600_000 }[match[2] as "s" | "m" | "h"];
  return Number(match[1]) * unit;
}
