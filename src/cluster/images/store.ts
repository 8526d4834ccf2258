import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** An image as the user registered it. */
export interface AddedImage {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workingDir?: string;
  /** Another image of the catalogue whose environment, user and files it starts from. */
  readonly from?: string;
  /** Path in the container → path on this machine. */
  readonly mounts?: Readonly<Record<string, string>>;
}

/** The user's images: a file that all clusters of the machine share and read again when it changed. */
export interface ImageStore {
  all(): Readonly<Record<string, AddedImage>>;
  put(name: string, image: AddedImage): void;
  /** False when it wasn't there. */
  remove(name: string): boolean;
}

/** Throws an Error that names the file when it can't be read as JSON or written. */
export function createImageStore(path: string): ImageStore {
  let known: { stamp: string; images: Readonly<Record<string, AddedImage>> } | undefined;

  function read(): Readonly<Record<string, AddedImage>> {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (!stat) return {};
    const stamp = `${stat.ino}/${stat.mtimeMs}/${stat.size}`;
    if (known?.stamp !== stamp) {
      try {
        const file = JSON.parse(readFileSync(path, "utf8")) as { images?: Record<string, AddedImage> };
        known = { stamp, images: file.images ?? {} };
      } catch (cause) {
        throw new Error(`${path} isn't what "weft image add" writes; mend or delete it`, { cause });
      }
    }
    return known.images;
  }

  function write(images: Readonly<Record<string, AddedImage>>): void {
    mkdirSync(dirname(path), { recursive: true });
    // Never half a file, whoever reads it meanwhile.
    writeFileSync(`${path}.new`, `${JSON.stringify({ images }, null, 2)}\n`);
    renameSync(`${path}.new`, path);
  }

  return {
    all: read,
    put(name, image) {
      write({ ...read(), [name]: image });
    },
    remove(name) {
      const { [name]: gone, ...rest } = read();
      if (gone) write(rest);
      return gone !== undefined;
    },
  };
}
