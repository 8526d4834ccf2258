import { chmod, chown, mkdir, readdir, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isSamePayload, type Payload } from "./payload.ts";

/** A directory whose files change all at once. */
export interface AtomicDirectory {
  readonly path: string;
  /** Makes the directory's content this; resolves to false when it was so already. */
  write(payload: Payload): Promise<boolean>;
}

/**
 * Files live in a directory named by time, `..data` is a symbolic link to it, and what a reader sees are links through
 * `..data`: replacing that one link replaces everything at once (kubelet: `volume/util/atomic_writer.go`, which programs that
 * watch their configuration know).
 */
export function createAtomicDirectory(path: string, fsGroup: number | undefined): AtomicDirectory {
  let current: Payload | undefined;
  let counter = 0;

  async function write(payload: Payload): Promise<boolean> {
    if (current !== undefined && isSamePayload(current, payload)) return false;
    counter += 1;
    const versionName = `..${new Date().toISOString().replace(/[:.]/g, "_")}.${counter}`;
    const version = join(path, versionName);
    await makeDirectory(path, fsGroup);
    const before = await readlink(join(path, "..data")).catch(() => undefined);
    await makeDirectory(version, fsGroup);
    for (const [name, file] of payload) {
      const target = join(version, name);
      if (name.includes("/")) await makeDirectories(version, dirname(name), fsGroup);
      const mode = fsGroup === undefined ? file.mode : file.mode | 0o440;
      await writeFile(target, file.data);
      if (file.uid !== undefined || fsGroup !== undefined) await chown(target, file.uid ?? 0, fsGroup ?? 0);
      await chmod(target, mode);
    }
    await symlink(versionName, join(path, "..data_tmp"));
    await rename(join(path, "..data_tmp"), join(path, "..data"));
    await linkEntries(path, payload);
    if (before !== undefined) await rm(join(path, before), { recursive: true, force: true });
    current = payload;
    return true;
  }

  // One writer at a time: a token's refresh and a changed ConfigMap may fall together.
  let last: Promise<unknown> = Promise.resolve();
  return {
    path,
    write(payload) {
      const next = last.then(() => write(payload));
      last = next.catch(() => {});
      return next;
    },
  };
}

async function makeDirectory(path: string, fsGroup: number | undefined): Promise<void> {
  await mkdir(path, { recursive: true });
  if (fsGroup !== undefined) await chown(path, 0, fsGroup);
  await chmod(path, fsGroup === undefined ? 0o755 : 0o2775);
}

async function makeDirectories(root: string, relative: string, fsGroup: number | undefined): Promise<void> {
  let path = root;
  for (const part of relative.split("/")) {
    path = join(path, part);
    await makeDirectory(path, fsGroup);
  }
}

/** One link per top-level name; those whose name is gone are removed. */
async function linkEntries(path: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map((name) => name.split("/")[0] ?? name));
  const present = (await readdir(path)).filter((name) => !name.startsWith(".."));
  for (const name of present) if (!wanted.has(name)) await rm(join(path, name), { force: true });
  for (const name of wanted) if (!present.includes(name)) await symlink(join("..data", name), join(path, name));
}
