import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { clusterPaths, dataRoot } from "./cluster-paths.ts";

/** What a cluster is, from its first `up` until its `down`. */
export interface ClusterRecord {
  readonly name: string;
  /** Decides its address ranges. */
  readonly index: number;
  readonly apiPort: number;
}

export async function readRecord(name: string): Promise<ClusterRecord | undefined> {
  let text: string;
  const path = clusterPaths(name).record;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const record = JSON.parse(text) as ClusterRecord;
    if (Number.isInteger(record.index) && Number.isInteger(record.apiPort)) return { ...record, name };
  } catch {
    // Falls through: said below.
  }
  throw new Error(`${path} can't be understood; "weft down --name ${name}" removes the cluster`);
}

export async function writeRecord(record: ClusterRecord): Promise<void> {
  const { dataDir, record: path } = clusterPaths(record.name);
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  await writeFile(`${path}.new`, `${JSON.stringify(record)}\n`);
  await rename(`${path}.new`, path);
}

/** Every cluster that this machine knows, running or not, by name. */
export async function readAllRecords(): Promise<readonly ClusterRecord[]> {
  const names = await readdir(dataRoot, { withFileTypes: true }).catch(() => []);
  const records = await Promise.all(
    names.filter((entry) => entry.isDirectory()).map((entry) => readRecord(entry.name).catch(() => undefined)),
  );
  return records.filter((record) => record !== undefined).sort((a, b) => a.index - b.index);
}

/** Names that have anything on the disk, even where the record is missing: a half-finished `up`. */
export async function namesOnDisk(roots: readonly string[]): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const root of roots)
    for (const entry of await readdir(root, { withFileTypes: true }).catch(() => []))
      if (entry.isDirectory() && !entry.name.startsWith(".")) names.add(join(entry.name));
  return [...names].sort();
}
