import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { UsageError } from "../usage-error.ts";

const extensions: readonly string[] = [".json", ".yaml", ".yml"];

/** A file's text; `name` is what the user calls it, `-` for standard input. */
interface TextFile {
  readonly name: string;
  readonly text: string;
}

export interface GatheredFiles {
  readonly files: readonly TextFile[];
  /** Files that aren't YAML or JSON by their name. */
  readonly skipped: readonly string[];
}

/**
 * Reads the files that the arguments name; a folder stands for the files in it, with `recursive` also for those in its folders.
 * Throws {@link UsageError} for what isn't there. (Istio: arguments of analyze.)
 */
export function gatherFiles(paths: readonly string[], recursive: boolean): GatheredFiles {
  const files: TextFile[] = [];
  const skipped: string[] = [];
  const add = (path: string): void => {
    if (extensions.includes(extname(path)))
      files.push({ name: path, text: attempt(path, () => readFileSync(path, "utf8")) });
    else skipped.push(path);
  };
  const addFolder = (folder: string): void => {
    const entries = attempt(folder, () => readdirSync(folder, { withFileTypes: true }));
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) add(path);
      else if (recursive) addFolder(path);
    }
  };
  for (const path of paths) {
    if (path === "-") files.push({ name: path, text: attempt("standard input", () => readFileSync(0, "utf8")) });
    else if (attempt(path, () => statSync(path)).isDirectory()) addFolder(path);
    else add(path);
  }
  return { files, skipped };
}

/** The line that tells of a skipped file. */
export function skippedLine(path: string): string {
  return `Skipping file ${path}, recognized file extensions are: [${extensions.join(" ")}]`;
}

function attempt<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new UsageError(`${what}: can't be read: ${(cause as Error).message}`, { cause });
  }
}
