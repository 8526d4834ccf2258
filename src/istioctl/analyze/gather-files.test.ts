import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gatherFiles, skippedLine } from "./gather-files.ts";

const folder = mkdtempSync(join(tmpdir(), "weft-analyze-"));
after(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "inner"));
for (const name of ["b.yaml", "a.yml", "c.json", "readme.md", "inner/d.yaml"]) writeFileSync(join(folder, name), name);

function gather(recursive: boolean, ...names: string[]): { files: string[]; skipped: string[] } {
  const { files, skipped } = gatherFiles(
    names.map((name) => join(folder, name)),
    recursive,
  );
  const short = (path: string): string => path.slice(folder.length + 1);
  return { files: files.map(({ name, text }) => `${short(name)}=${text}`), skipped: skipped.map(short) };
}

test("a folder stands for its files, in order", () => {
  assert.deepEqual(gather(false, ""), {
    files: ["a.yml=a.yml", "b.yaml=b.yaml", "c.json=c.json"],
    skipped: ["readme.md"],
  });
});

test("with --recursive also for what is in its folders", () => {
  assert.deepEqual(gather(true, "").files.at(-1), "inner/d.yaml=inner/d.yaml");
});

test("a file by its name is read, or told to be skipped", () => {
  assert.deepEqual(gather(false, "inner/d.yaml", "readme.md"), {
    files: ["inner/d.yaml=inner/d.yaml"],
    skipped: ["readme.md"],
  });
  assert.match(skippedLine("readme.md"), /readme\.md.*\.json \.yaml \.yml/);
});

test("what isn't there is an error that names it", () => {
  assert.throws(() => gather(false, "gone.yaml"), /gone\.yaml: can't be read: ENOENT/);
});
