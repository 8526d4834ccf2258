import { access, chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Where containers find it. */
export const compileCachePath = "/var/cache/weft/node";

/**
 * Node's compile cache for Weft's own code, shared by all containers. They can only read it: what is in there is run, so nobody
 * but {@link ../warm-up.ts} may write it.
 */
export interface CompileCache {
  readonly directory: string;
  /** Lets processes of this user find it: Node keeps a directory per user. */
  offerTo(uid: number): Promise<void>;
  /** True when it was made from the code as it is now. */
  isFresh(): Promise<boolean>;
  /** Says that it was, and lets everybody read it. */
  markFresh(): Promise<void>;
}

/** The user that fills it. */
const owner = 0;

/** Undefined when the directory can't be made: containers then compile for themselves. */
export async function openCompileCache(directory: string, sources: string): Promise<CompileCache | undefined> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o755 });
  } catch {
    return undefined;
  }
  const stampFile = join(directory, "made-from");
  const offered = new Set<number>();
  return {
    directory,
    async offerTo(uid) {
      if (uid === owner || offered.has(uid)) return;
      offered.add(uid);
      // `v24.1.0-x64-964aae3f-0`: version, machine, flags of V8, user.
      for (const name of await readdir(directory)) {
        if (!name.endsWith(`-${owner}`)) continue;
        const link = join(directory, `${name.slice(0, -`${owner}`.length)}${uid}`);
        await symlink(name, link).catch(() => {});
      }
    },
    async isFresh() {
      return (await readFile(stampFile, "utf8").catch(() => "")) === (await stampOf(sources));
    },
    async markFresh() {
      offered.clear();
      // Node makes them for their owner alone.
      for (const entry of await readdir(directory, { recursive: true, withFileTypes: true }))
        if (entry.isFile()) await chmod(join(entry.parentPath, entry.name), 0o644);
      await writeFile(stampFile, await stampOf(sources));
    },
  };
}

/** Changes when a source file does: the newest time of change and how many files there are. */
async function stampOf(directory: string): Promise<string> {
  let newest = 0;
  let count = 0;
  const visit = async (path: string): Promise<void> => {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) await visit(child);
      else {
        count += 1;
        newest = Math.max(newest, (await stat(child)).mtimeMs);
      }
    }
  };
  await access(directory).then(
    () => visit(directory),
    () => {},
  );
  return `${process.version} ${count} ${newest}`;
}
