import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createImageCatalogue } from "./catalogue.ts";
import { createImageStore } from "./store.ts";

function withStore(run: (path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "weft-images-"));
  try {
    run(join(folder, "images.json"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("images are known whatever their registry and tag", () => {
  withStore((path) => {
    const catalogue = createImageCatalogue(createImageStore(path));
    const entrypoint = (name: string) => catalogue.resolve(name)?.entrypoint;
    for (const name of ["docker.io/weft/proxyv2:0.1.0", "localhost:5000/proxyv2", "gcr.io/istio-release/proxyv2:1.29"])
      assert.deepEqual(entrypoint(name), ["/usr/local/bin/pilot-agent"], name);
    assert.equal(
      catalogue.resolve("registry.istio.io/release/examples-bookinfo-reviews-v3:1.20.3@sha256:abc")?.env["STAR_COLOR"],
      "red",
    );
    for (const name of [
      "node:24",
      "docker.io/library/busybox:1.28",
      "curlimages/curl",
      "docker.io/curlimages/curl:8.16.0",
    ])
      assert.ok(catalogue.resolve(name), name);
    assert.equal(catalogue.resolve("nginx:1.29"), undefined);
    assert.match(catalogue.explainUnknown("docker.io/library/nginx:1.29"), /"weft image add nginx --command/);
  });
});

test("what the user adds is there at once, in every process, and wins", () => {
  withStore((path) => {
    const catalogue = createImageCatalogue(createImageStore(path));
    const store = createImageStore(path);
    assert.equal(catalogue.resolve("acme/shop"), undefined);
    store.put("acme/shop", { command: ["node", "/shop/main.js"], env: { A: "1" }, from: "curlimages/curl" });
    store.put("node:20", { command: ["/opt/node20/bin/node"] });
    const shop = catalogue.resolve("docker.io/acme/shop:7");
    assert.deepEqual([shop?.entrypoint, shop?.env["A"], shop?.uid], [["node", "/shop/main.js"], "1", 100]);
    assert.deepEqual(catalogue.resolve("node:20")?.entrypoint, ["/opt/node20/bin/node"]);
    assert.notDeepEqual(catalogue.resolve("node:24")?.entrypoint, ["/opt/node20/bin/node"]);
    assert.equal(store.remove("acme/shop"), true);
    assert.equal(store.remove("acme/shop"), false);
    assert.equal(catalogue.resolve("acme/shop"), undefined);
  });
});

test("an image that is based on itself ends at the built-in one", () => {
  withStore((path) => {
    const store = createImageStore(path);
    store.put("node", { command: ["node", "--inspect"], from: "node" });
    assert.deepEqual(createImageCatalogue(store).resolve("node")?.entrypoint, ["node", "--inspect"]);
  });
});
