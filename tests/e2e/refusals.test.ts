import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadKubeConfig } from "#kube/kubeconfig.ts";
import { nothing, tracesOf } from "./traces.ts";
import { createWeftCommand, isRoot } from "./weft-command.ts";

const name = `e2e-${process.pid}-r`;
const bin = join(import.meta.dirname, "..", "..", "bin", "weft");
const weft = createWeftCommand();
after(async () => {
  await weft.run("down", "--name", name);
  weft.remove();
});

test("without root up says so, and what to do", { skip: !isRoot && "has to become somebody else" }, () => {
  const main = join(import.meta.dirname, "..", "..", "src", "cluster", "main.ts");
  // The clone may lie where only root can look, so what is run is what the launcher would run.
  const { status, stderr } = spawnSync(
    "setpriv",
    ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, main, "up", "--name", name],
    {
      encoding: "utf8",
      env: { ...process.env, KUBECONFIG: weft.kubeconfig },
    },
  );
  assert.equal(status, 1);
  assert.match(stderr, /not running as root\n +→ .*sudo weft up/);
  assert.ok(!existsSync(`/var/lib/weft/${name}`));
});

test("a name that can't be is refused", async () => {
  const { code, stderr } = await weft.run("up", "--name", "Not/A-Name");
  assert.equal(code, 1);
  assert.match(stderr, /cluster name "Not\/A-Name"/);
});

test("a port that is taken: the next one is used", { skip: !isRoot && "needs root" }, async () => {
  const taken = createServer();
  // Something else may have it already, which serves as well.
  await new Promise<void>((done) => {
    taken.once("error", () => done());
    taken.listen(6443, "127.0.0.1", done);
  });
  try {
    const { code, stderr } = await weft.run("up", "--name", name);
    assert.equal(code, 0, stderr);
    assert.match(loadKubeConfig({ path: weft.kubeconfig }).server, /^https:\/\/127\.0\.0\.1:64[4-9]\d$/);
    assert.doesNotMatch(loadKubeConfig({ path: weft.kubeconfig }).server, /:6443$/);
  } finally {
    taken.close();
    await weft.run("down", "--name", name);
  }
});

test("no space on the disk: up says so and leaves nothing", { skip: !isRoot && "needs root" }, () => {
  const command = "mkdir -p /var/lib/weft && mount -t tmpfs -o size=64m tmpfs /var/lib/weft && exec $0 up --name $1";
  const { status, stderr } = spawnSync("unshare", ["-m", "--propagation", "private", "sh", "-c", command, bin, name], {
    encoding: "utf8",
    env: { ...process.env, KUBECONFIG: weft.kubeconfig },
  });
  assert.equal(status, 1);
  assert.match(stderr, /only \d+ MB free for \/var\/lib\/weft\n +→ /);
  assert.deepEqual(tracesOf(name, 15), nothing);
});

test("up that is interrupted cleans up; up that is killed is taken up by the next", {
  skip: !isRoot && "needs root",
}, async () => {
  const begin = async (signal: NodeJS.Signals) => {
    const child = spawn(bin, ["up", "--name", name], {
      env: { ...process.env, KUBECONFIG: weft.kubeconfig },
      stdio: ["ignore", "ignore", "pipe"],
    });
    // The first step is done: the daemon runs.
    await once(child.stderr, "data");
    child.kill(signal);
    await once(child, "exit");
  };
  try {
    await begin("SIGINT");
    const index = (JSON.parse(readFileSync(`/var/lib/weft/${name}/cluster.json`, "utf8")) as { index: number }).index;
    assert.deepEqual({ ...tracesOf(name, index), files: [] }, nothing);
    await begin("SIGKILL");
    const { code, stderr } = await weft.run("up", "--name", name);
    assert.equal(code, 0, stderr);
  } finally {
    await weft.run("down", "--name", name);
  }
});

test("a record that is half written: up says what to do, down cleans it", {
  skip: !isRoot && "needs root",
}, async () => {
  const folder = `/var/lib/weft/${name}`;
  spawnSync("sh", ["-c", `mkdir -p ${folder} && printf '{"ind' > ${folder}/cluster.json`]);
  try {
    const { code, stderr } = await weft.run("up", "--name", name);
    assert.equal(code, 1);
    assert.match(stderr, /weft down --name/);
    assert.equal((await weft.run("down", "--name", name)).code, 0);
    assert.ok(!existsSync(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
