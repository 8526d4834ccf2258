import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { node24, root } from "./paths.mjs";
import { SetupError, step } from "./say.mjs";

/** Brings node_modules, with the pinned Node in it, to what the lock file says. Nothing happens when it is so already. */
export async function ensureNpmPackages() {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch))
    throw new SetupError(
      `this is ${process.platform} on ${process.arch}: Weft runs on Linux, x64 or arm64 (a virtual machine, or WSL 2 on Windows)`,
    );
  if (isUpToDate()) return;
  // As the lock file says, which stays as it is. `npm ci` would want entries for every platform of every optional package,
  // and it starts by deleting: programs of this clone may be running.
  await step("npm packages", () => {
    const npm = spawnSync("npm", ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
    });
    if (npm.error)
      throw new SetupError(`npm can't be started (${npm.error.message}): install Node 20 or later with npm`);
    if (npm.status !== 0) throw new SetupError("npm install failed: see above; is the registry reachable (npm ping)?");
  });
  if (!existsSync(node24))
    throw new SetupError(`npm brought no ${node24}: were optional dependencies left out (npm config get omit)?`);
}

function isUpToDate() {
  if (!existsSync(node24)) return false;
  const wanted = packages(join(root, "package-lock.json"));
  const present = packages(join(root, "node_modules", ".package-lock.json"));
  return Object.entries(wanted).every(
    ([path, entry]) => path === "" || entry.optional || present[path]?.version === entry.version,
  );
}

function packages(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages ?? {};
  } catch {
    return {};
  }
}
