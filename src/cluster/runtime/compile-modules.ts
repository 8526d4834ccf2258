import { readdir } from "node:fs/promises";
import { flushCompileCache } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/*
 * Run by `warm-up.ts` in a container: fills Node's compile cache for the modules in the folders of /opt/weft that it is given.
 * Modules are imported, as they do nothing by themselves; programs (`main.ts`) are only linked.
 */

const root = resolve(import.meta.dirname, "../../..");

async function modulesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !/(^|[.-])test[.-]/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Compiles a module and all that it imports without running any of it: a name that isn't there stops the link. */
function link(path: string): Promise<unknown> {
  const url = JSON.stringify(pathToFileURL(path).href);
  const code = `import ${url}; import { thereIsNoSuchName } from "node:fs";`;
  return import(`data:text/javascript,${encodeURIComponent(code)}`);
}

for (const folder of process.argv.slice(2))
  for (const path of await modulesIn(join(root, folder)))
    await (path.endsWith("/main.ts") ? link(path) : import(pathToFileURL(path).href)).catch(() => {});
flushCompileCache();
// A module may have opened what keeps the process alive.
process.exit(0);
