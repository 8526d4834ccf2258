import { imagesFile } from "../cluster-paths.ts";
import { builtInImages } from "../images/built-in.ts";
import { createImageCatalogue } from "../images/catalogue.ts";
import { type AddedImage, createImageStore } from "../images/store.ts";
import { CommandError } from "./command-error.ts";

export interface AddOptions {
  readonly command: string;
  /** `NAME=VALUE`. */
  readonly env: readonly string[];
  readonly workdir?: string;
  readonly from?: string;
  /** `FOLDER:PATH`. */
  readonly mount: readonly string[];
}

export function listImages(): string {
  const added = Object.entries(createImageStore(imagesFile).all()).map(([name, { command }]) => [
    name,
    command.join(" "),
    "you",
  ]);
  const brought = builtInImages.flatMap(({ names, what }) => names.map((name) => [name, what, "weft"]));
  const table = [["NAME", "RUNS", "FROM"], ...added, ...brought];
  const widths = [0, 1].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return `${table.map(([name = "", runs = "", by = ""]) => `${name.padEnd(widths[0] ?? 0)}   ${runs.padEnd(widths[1] ?? 0)}   ${by}`).join("\n")}\n`;
}

export function addImage(name: string, options: AddOptions): void {
  const store = createImageStore(imagesFile);
  if (options.from !== undefined && !createImageCatalogue(store).resolve(options.from))
    throw new CommandError(`--from ${options.from}: no such image\n    → weft image list`);
  const command = splitCommand(options.command);
  if (command.length === 0) throw new CommandError("--command is empty: name a program and its arguments");
  const image: AddedImage = {
    command,
    env: pairs(options.env, "=", "--env"),
    ...(options.workdir === undefined ? {} : { workingDir: options.workdir }),
    ...(options.from === undefined ? {} : { from: options.from }),
    mounts: Object.fromEntries(
      Object.entries(pairs(options.mount, ":", "--mount")).map(([host, path]) => [path, host]),
    ),
  };
  store.put(name, image);
}

export function removeImage(name: string): void {
  if (!createImageStore(imagesFile).remove(name))
    throw new CommandError(`image "${name}" wasn't added\n    → weft image list`);
}

function pairs(list: readonly string[], separator: string, flag: string): Record<string, string> {
  return Object.fromEntries(
    list.map((text) => {
      const at = text.indexOf(separator);
      if (at < 1) throw new CommandError(`${flag} "${text}": want A${separator}B`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** Splits as a shell would, with '…', "…" and \, but without expanding anything. */
function splitCommand(text: string): readonly string[] {
  const words: string[] = [];
  const pattern = /\s*((?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+)/gy;
  for (const [, word = ""] of text.trim().matchAll(pattern))
    words.push(
      word.replace(
        /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g,
        (_, single?: string, double?: string, escaped?: string) =>
          single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? "",
      ),
    );
  return words;
}
