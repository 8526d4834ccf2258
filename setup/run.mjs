// node setup/run.mjs FILE.ts [ARGUMENT…]: sets up what is missing, then runs the file with Node 24.
import { ensureSetup } from "./ensure.mjs";
import { runNode24 } from "./node24.mjs";
import { SetupError } from "./say.mjs";

try {
  await ensureSetup("npm");
  process.exitCode = await runNode24(process.argv.slice(2));
} catch (error) {
  process.stderr.write(` ✗ ${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
