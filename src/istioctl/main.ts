import { Command } from "commander";
import { KubeError } from "#kube/error.ts";
import { addAnalyzeCommand } from "./analyze/command.ts";
import { addExperimentalCommand } from "./experimental/command.ts";
import { addInstallCommand } from "./install/command.ts";
import { addManifestCommand } from "./install/manifest-generate.ts";
import { addUninstallCommand } from "./install/uninstall.ts";
import { addKubeInjectCommand } from "./kube-inject/command.ts";
import { addProxyConfigCommand } from "./proxy-config/command.ts";
import { addProxyStatusCommand } from "./proxy-status/command.ts";
import { addRouteRuleCommands } from "./route-rule/command.ts";
import { UsageError } from "./usage-error.ts";
import { addVersionCommand } from "./version.ts";

const program = new Command("istioctl")
  .description("Istio's command line, as Weft speaks it: install, inspect and debug the mesh")
  .showHelpAfterError("(see istioctl COMMAND --help)")
  .configureHelp({ sortSubcommands: true });

addAnalyzeCommand(program);
addExperimentalCommand(program);
addInstallCommand(program);
addUninstallCommand(program);
addManifestCommand(program);
addKubeInjectCommand(program);
addRouteRuleCommands(program);
addProxyConfigCommand(program);
addProxyStatusCommand(program);
addVersionCommand(program);

// `istioctl … | head`: who reads has had enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  await program.parseAsync();
} catch (error) {
  // Expected failures are one line; anything else is a bug and shows where it happened.
  const expected =
    error instanceof UsageError || error instanceof KubeError || (error instanceof Error && error.cause !== undefined);
  const text =
    expected || !(error instanceof Error)
      ? `Error: ${error instanceof Error ? error.message : String(error)}`
      : error.stack;
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
}
