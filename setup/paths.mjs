import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The clone. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What all clones of the machine share: downloads and compiled code. */
export const cache =
  process.getuid?.() === 0 ? "/var/cache/weft" : join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "weft");

/** The Node that runs TypeScript as it is; the package brings it, by exact version. */
export const node24 = join(root, "node_modules", `node-linux-${process.arch}`, "bin", "node");

/** Compiled code of everything that Node 24 has run, so that it starts sooner. */
export const compileCache = join(cache, "compile");
