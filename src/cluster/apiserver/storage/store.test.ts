import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Obj } from "../object.ts";
import { openStore, StaleWriteError } from "./store.ts";

function configMap(name: string, value: string): Obj {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data: { value } };
}

const revision = (object: Obj): string => object.metadata.resourceVersion ?? "";

test("a write needs the revision that is stored", () => {
  const store = openStore(":memory:");
  const first = store.create("configmaps", configMap("a", "1"));
  assert.throws(() => store.create("configmaps", configMap("a", "2")), StaleWriteError);
  store.update("configmaps", configMap("a", "2"), revision(first));
  assert.throws(() => store.update("configmaps", configMap("a", "3"), revision(first)), StaleWriteError);
  assert.throws(() => store.remove("configmaps", configMap("a", "3"), revision(first)), StaleWriteError);
  assert.deepEqual(store.get("configmaps", "default", "a")?.["data"], { value: "2" });
  store.close();
});

test("a list can be read as it was", () => {
  const store = openStore(":memory:");
  const a = store.create("configmaps", configMap("a", "1"));
  const b = store.create("configmaps", configMap("b", "1"));
  const then = store.revision;
  store.update("configmaps", configMap("a", "2"), revision(a));
  store.remove("configmaps", b, revision(b));
  store.create("configmaps", configMap("c", "1"));
  const names = (objects: readonly Obj[] | undefined) => objects?.map(({ metadata, data }) => [metadata.name, data]);
  assert.deepEqual(names(store.listAt("configmaps", "default", then)), [
    ["a", { value: "1" }],
    ["b", { value: "1" }],
  ]);
  assert.deepEqual(names(store.list("configmaps")), [
    ["a", { value: "2" }],
    ["c", { value: "1" }],
  ]);
  store.close();
});

test("history is bounded, and says so", () => {
  const store = openStore(":memory:");
  let last = store.create("configmaps", configMap("a", "0"));
  for (let count = 1; count <= 1100; count++)
    last = store.update("configmaps", configMap("a", String(count)), revision(last));
  assert.equal(store.changesSince("configmaps", 1), undefined);
  assert.equal(store.changesSince("configmaps", store.revision - 10)?.length, 10);
  store.close();
});

test("killed in the middle of writing: what was acknowledged is there, and watches resume", async () => {
  const directory = await mkdtemp(join(tmpdir(), "weft-store-"));
  try {
    const file = join(directory, "state.db");
    const writer = spawn(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `import { openStore } from ${JSON.stringify(new URL("store.ts", import.meta.url).href)};
         const store = openStore(${JSON.stringify(file)});
         for (let count = 0; ; count++) {
           const object = store.create("configmaps", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" + count, namespace: "default" } });
           process.stdout.write(object.metadata.resourceVersion + "\\n");
           if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
         }`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let output = "";
    writer.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.length > 2000) writer.kill("SIGKILL");
    });
    await once(writer, "close");
    const acknowledged = Number(output.trimEnd().split("\n").at(-1));
    assert.ok(acknowledged > 100);

    const store = openStore(file);
    assert.ok(store.revision >= acknowledged, `revision ${store.revision}, acknowledged ${acknowledged}`);
    assert.equal(store.list("configmaps").length, store.revision);
    const since = store.changesSince("configmaps", 10);
    assert.deepEqual(
      since?.map((change) => change.revision),
      Array.from({ length: store.revision - 10 }, (_, index) => 11 + index),
    );
    const last = store.revision;
    assert.equal(Number(revision(store.create("configmaps", configMap("after", "1")))), last + 1);
    store.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
