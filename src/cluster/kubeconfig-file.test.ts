import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadKubeConfig } from "#kube/kubeconfig.ts";
import { mergeContext, removeContext } from "./kubeconfig-file.ts";

const entry = {
  name: "weft",
  server: "https://127.0.0.1:6443",
  ca: "CA",
  clientCertificate: "CERT",
  clientKey: "KEY",
};
const theirs = `# mine, hands off
apiVersion: v1
kind: Config
current-context: prod
clusters:
  - name: prod
    cluster: { server: "https://prod.example" } # the real one
users: []
contexts:
  - name: prod
    context: { cluster: prod, user: "" }
`;

function withFile(run: (path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "weft-kubeconfig-"));
  try {
    run(join(folder, "kube", "config"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("the context joins what is there, once, and leaves it as it was", () => {
  withFile((missing) => {
    const path = join(missing, "..", "..", "config");
    writeFileSync(path, theirs);
    assert.equal(mergeContext(path, entry), true);
    assert.equal(mergeContext(path, entry), false, "a second time changes nothing");
    const loaded = loadKubeConfig({ path });
    assert.deepEqual([loaded.context, loaded.server, loaded.clientKey], ["weft", "https://127.0.0.1:6443", "KEY"]);
    assert.equal(loadKubeConfig({ path, context: "prod" }).server, "https://prod.example");
    removeContext(path, "weft");
    const after = readFileSync(path, "utf8");
    assert.equal(after.replace('current-context: ""', "current-context: prod"), theirs);
  });
});

test("a file that isn't there is made, for its owner alone; one that isn't a kubeconfig is refused", () => {
  withFile((path) => {
    assert.equal(removeContext(path, "weft"), false);
    mergeContext(path, entry);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(loadKubeConfig({ path }).ca, "CA");
    writeFileSync(path, "- a\n- list\n");
    assert.throws(() => mergeContext(path, entry), /isn't a kubeconfig/);
    assert.equal(readFileSync(path, "utf8"), "- a\n- list\n");
  });
});
