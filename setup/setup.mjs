// node setup/setup.mjs [npm|all]: sets the clone and the machine up; see ensure.mjs.
import { ensureSetup } from "./ensure.mjs";
import { SetupError } from "./say.mjs";

try {
  await ensureSetup(process.argv[2] === "npm" ? "npm" : "all");
} catch (error) {
  process.stderr.write(` ✗ ${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
