import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createAtomicDirectory } from "./atomic-writer.ts";
import { type Payload, selectEntries, VolumeError } from "./payload.ts";

const payload = (files: Record<string, string>): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o640 }]));

test("files change together by one link, and what is gone goes", async () => {
  const path = await mkdtemp(join(tmpdir(), "weft-volume-"));
  try {
    const directory = createAtomicDirectory(path, undefined);
    assert.equal(await directory.write(payload({ a: "1", "sub/b": "2" })), true);
    const first = await readlink(join(path, "..data"));
    assert.equal(await readFile(join(path, "sub/b"), "utf8"), "2");
    assert.equal((await stat(join(path, "a"))).mode & 0o777, 0o640);
    assert.equal(await directory.write(payload({ a: "1", "sub/b": "2" })), false, "nothing to do");
    assert.equal(await readlink(join(path, "..data")), first);
    await Promise.all([directory.write(payload({ a: "3" })), directory.write(payload({ a: "4", c: "5" }))]);
    assert.equal(await readFile(join(path, "a"), "utf8"), "4");
    assert.deepEqual((await readdir(path)).filter((name) => !name.startsWith("..")).sort(), ["a", "c"]);
    assert.equal((await readdir(path)).length, 4, "one version directory and one link besides");
  } finally {
    await rm(path, { recursive: true, force: true });
  }
});

test("what isn't there is an error unless it is optional", () => {
  const entries = new Map([["k", Buffer.from("v")]]);
  const mode = { defaultMode: 0o644 };
  assert.throws(() => selectEntries('configmap "x"', undefined, mode), /configmap "x" not found/);
  assert.equal(selectEntries("x", undefined, { ...mode, optional: true }).size, 0);
  assert.throws(() => selectEntries("x", entries, { ...mode, items: [{ key: "no", path: "p" }] }), /no key "no"/);
  assert.throws(
    () => selectEntries("x", entries, { ...mode, items: [{ key: "k", path: "../../etc/passwd" }] }),
    VolumeError,
  );
});
