/** Files of a volume: path relative to its root → content and mode. */
export type Payload = ReadonlyMap<string, PayloadFile>;

export interface PayloadFile {
  readonly data: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
  /** Owner; root when absent. */
  readonly uid?: number;
}

/** A volume can't be made (yet): the message names the object or field, and is the text of a `FailedMount` event. */
export class VolumeError extends Error {
  override readonly name = "VolumeError";
}

interface KeyToPath {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

interface Selection {
  readonly items?: readonly KeyToPath[];
  readonly optional?: boolean;
  readonly defaultMode: number;
}

/** A ConfigMap's or Secret's entries as bytes; undefined when the object isn't there. */
export type Entries = ReadonlyMap<string, Uint8Array> | undefined;

/**
 * The files that a ConfigMap or Secret gives: all its keys, or the listed ones under their paths. `what` names the object in
 * errors. Throws {@link VolumeError} when something that isn't optional is missing.
 */
export function selectEntries(what: string, entries: Entries, selection: Selection): Payload {
  if (entries === undefined) {
    if (selection.optional) return new Map();
    throw new VolumeError(`${what} not found`);
  }
  const files = new Map<string, PayloadFile>();
  const items: readonly KeyToPath[] = selection.items ?? [...entries.keys()].map((key) => ({ key, path: key }));
  for (const item of items) {
    const data = entries.get(item.key);
    if (data === undefined) {
      if (selection.optional) continue;
      throw new VolumeError(`${what} has no key "${item.key}" (references non-existent config key)`);
    }
    files.set(checkPath(item.path), { data, mode: item.mode ?? selection.defaultMode });
  }
  return files;
}

/** Volume paths are relative and stay inside (Kubernetes API reference, `KeyToPath.path`). */
export function checkPath(path: string): string {
  if (path === "" || path.startsWith("/") || path.split("/").some((part) => part === ".." || part === ""))
    throw new VolumeError(`path "${path}" must be relative and must not contain ".."`);
  return path;
}

export function isSamePayload(a: Payload, b: Payload): boolean {
  if (a.size !== b.size) return false;
  for (const [path, file] of a) {
    const other = b.get(path);
    if (other === undefined || other.mode !== file.mode || other.uid !== file.uid) return false;
    if (Buffer.compare(file.data, other.data) !== 0) return false;
  }
  return true;
}
