// npm test: sets everything up, then every check and test there is.
import { acceptance, attackTests, clusterTests, generatedCode, runChecks, staticChecks, unitTests } from "./checks.mjs";
import { ensureTestPackages } from "./debian-packages.mjs";
import { ensureSetup } from "./ensure.mjs";
import { ensureGoTools } from "./go-tools.mjs";
import { SetupError } from "./say.mjs";

try {
  await ensureSetup("all");
  await ensureTestPackages();
  await ensureGoTools();
  const checks = [...staticChecks, generatedCode, unitTests, attackTests, clusterTests, acceptance];
  process.exitCode = (await runChecks(checks)) ? 0 : 1;
} catch (error) {
  process.stderr.write(` ✗ ${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
