import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { unusedMeshFields } from "./unused-mesh-fields.ts";

test("fields that are set and have no effect are named with the reason", () => {
  const mesh = {
    proxyHttpPort: 15080,
    enableTracing: false,
    defaultProviders: { metrics: ["prometheus"] },
    defaultConfig: { meshId: "m", concurrency: 2 },
    connectTimeout: "1s",
  };
  const found = unusedMeshFields(mesh);
  assert.deepEqual(
    found.map((text) => text.split(":", 1)[0]),
    ["proxyHttpPort", "defaultConfig.meshId"],
  );
  assert.match(found[0] ?? "", /HTTP_PROXY/);
});

/** Fields that the table of a section of docs/mesh-config.md says have no effect. */
function withoutEffect(section: string): readonly string[] {
  const text = readFileSync(join(import.meta.dirname, "../../docs/mesh-config.md"), "utf8");
  const [, rest = ""] = text.split(`## ${section}\n`);
  const rows = (rest.split("\n## ")[0] ?? "").split("\n").filter((line) => /^\|.*\|\s*none/.test(line));
  return rows.flatMap((row) => [...(row.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map(([, name = ""]) => name));
}

test("the documentation lists the same fields", () => {
  const paths = [
    ...withoutEffect("MeshConfig"),
    ...withoutEffect("ProxyConfig").map((name) => `defaultConfig.${name}`),
  ];
  const nested = Object.fromEntries(withoutEffect("ProxyConfig").map((name) => [name, "set"]));
  const flat = Object.fromEntries(withoutEffect("MeshConfig").map((name) => [name, "set"]));
  const told = unusedMeshFields({ ...flat, defaultConfig: nested }).map((text) => text.split(":", 1)[0]);
  assert.deepEqual(new Set(told), new Set(paths));
  assert.equal(paths.length, 24);
});
