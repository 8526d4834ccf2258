// npm run check: what should be run before every commit: everything but the slow tests.
import { generatedCode, runChecks, staticChecks, unitTests } from "./checks.mjs";
import { ensureSetup } from "./ensure.mjs";
import { SetupError } from "./say.mjs";

try {
  await ensureSetup("all");
  process.exitCode = (await runChecks([...staticChecks, generatedCode, unitTests])) ? 0 : 1;
} catch (error) {
  process.stderr.write(` ✗ ${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
