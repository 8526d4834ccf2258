// npm run demo: from a fresh machine to Bookinfo through the mesh. See src/demo/main.ts.
import { join } from "node:path";
import { ensureSetup } from "./ensure.mjs";
import { runNode24 } from "./node24.mjs";
import { root } from "./paths.mjs";
import { SetupError } from "./say.mjs";

try {
  await ensureSetup("all");
  process.exitCode = await runNode24([join(root, "src", "demo", "main.ts")]);
} catch (error) {
  process.stderr.write(` ✗ ${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
