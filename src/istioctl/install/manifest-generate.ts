import type { Command } from "commander";
import { stringify } from "yaml";
import { withSpecFlags } from "./command.ts";
import { resolveOperatorSpec } from "./operator-spec.ts";
import { renderComponents } from "./render/components.ts";

export function addManifestCommand(program: Command): void {
  const manifest = program.command("manifest").description("the manifests that install would apply");
  withSpecFlags(manifest.command("generate").description("print them as YAML")).action(
    (flags: { filename: readonly string[]; set: readonly string[]; revision?: string }) => {
      const spec = resolveOperatorSpec({
        files: flags.filename,
        set: flags.set,
        ...(flags.revision ? { revision: flags.revision } : {}),
      });
      for (const component of renderComponents(spec)) {
        for (const object of component.manifests)
          process.stdout.write(`---\n${stringify(object, { aliasDuplicateObjects: false })}`);
      }
    },
  );
}
