import type { Command } from "commander";
import { type ConnectionFlags, connect, withConnectionFlags } from "../connection.ts";
import { UsageError } from "../usage-error.ts";
import { confirm } from "./command.ts";
import { removeComponents } from "./prune.ts";

interface UninstallFlags extends ConnectionFlags {
  readonly purge?: boolean;
  readonly revision?: string;
  readonly skipConfirmation?: boolean;
}

export function addUninstallCommand(program: Command): void {
  const command = program.command("uninstall").description("remove the mesh; users' Istio resources and the CRDs stay");
  withConnectionFlags(command)
    .option("--purge", "remove every revision and all shared objects")
    .option("-r, --revision <name>", "remove this control plane revision only")
    .option("-y, --skip-confirmation", "don't ask")
    .action(async (flags: UninstallFlags) => uninstall(flags));
}

async function uninstall(flags: UninstallFlags): Promise<void> {
  if (!flags.purge && !flags.revision) {
    throw new UsageError(
      "say what to remove: --purge for everything, or --revision NAME (the first one is called default)",
    );
  }
  const { client, config } = connect(flags);
  const what = flags.purge ? "every revision of the mesh" : `revision ${flags.revision}`;
  if (!flags.skipConfirmation)
    await confirm(`This will remove ${what} from ${config.context ?? config.server}. Proceed? (y/N) `);
  const removed = await removeComponents(client, flags.purge ? undefined : flags.revision);
  for (const object of removed) process.stdout.write(`  removed ${object}\n`);
  process.stdout.write(removed.length > 0 ? "✔ Uninstall complete\n" : `Nothing to remove: ${what} isn't installed\n`);
}
