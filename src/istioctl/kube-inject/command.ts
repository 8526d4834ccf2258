import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { injectManifest } from "#inject/inject-manifest.ts";
import { type ConnectionFlags, connect, withConnectionFlags } from "../connection.ts";
import { readUserFile } from "../read-file.ts";
import { UsageError } from "../usage-error.ts";
import { readInjectSettings, type SettingsSources } from "./settings.ts";

interface InjectFlags extends ConnectionFlags, SettingsSources {
  readonly filename: string;
  readonly output?: string;
  readonly injectConfigFile?: string;
}

/** `kube-inject -f FILE`: the manifest with sidecars, for namespaces that aren't labelled. */
export function addKubeInjectCommand(program: Command): void {
  withConnectionFlags(program.command("kube-inject").description("print a manifest with the sidecar injected"))
    .requiredOption("-f, --filename <file>", "the manifest; - is standard input")
    .option("-o, --output <file>", "write here instead of to standard output")
    .option("-r, --revision <name>", "the control plane revision whose settings to use")
    .option("--meshConfigFile <file>", "mesh config, instead of the cluster's")
    .option("--meshConfigMapName <name>", "config map of the mesh config, key mesh (default: istio)")
    .option("--valuesFile <file>", "injection values, instead of the cluster's")
    .option("--injectConfigMapName <name>", "config map of the values, key values (default: istio-sidecar-injector)")
    .option("--injectConfigFile <file>", "accepted for Istio's sake; Weft has no templates that could be replaced")
    .option("--operatorFileName <file>", "IstioOperator file, instead of the cluster's settings")
    .action(async (flags: InjectFlags) => {
      if (flags.injectConfigFile && /^templates:/m.test(readUserFile(flags.injectConfigFile)))
        process.stderr.write(
          `Warning: ${flags.injectConfigFile}: templates aren't used; Weft injects its own sidecar\n`,
        );
      const manifest = readUserFile(flags.filename);
      const settings = await readInjectSettings(flags, flags.istioNamespace, () => connect(flags));
      const result = injectManifest(manifest, settings);
      if (result.kind === "refused") throw new UsageError(`${flags.filename}: ${result.message}`);
      for (const warning of result.warnings) process.stderr.write(`${warning}\n`);
      if (flags.output) writeFileSync(flags.output, result.text);
      else process.stdout.write(result.text);
    });
}
