import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createWeftCommand, hasKubectl, isRoot } from "./weft-command.ts";

/** The tutorials that work today, in an order in which each finds what it builds on. */
const scripts = [
  "01-install-and-bookinfo",
  "02-request-routing",
  "03-traffic-shifting",
  "04-faults-timeouts-retries",
  "05-circuit-breaker",
  "06-ingress-hosts-and-tls",
  "07-mutual-tls",
  "08-jwt",
  "09-authorization",
  "10-egress",
  "14-kube-inject-and-iptables",
  "15-legacy-route-rule",
  "17-orders",
];
/**
 * Whoever asks right after a policy changed may get one more answer by the old one, on a connection that was open (as with Istio's
 * proxy: docs/decisions/0014-who-may-call.md). These scripts do, so they may try twice.
 */
const askAtOnce: ReadonlySet<string> = new Set(["08-jwt", "09-authorization"]);
const root = join(import.meta.dirname, "..", "..");
const folder = process.env["WALKTHROUGHS"] ?? join(root, "..", "shared", "walkthroughs");
const timeoutMs = 300_000;

function whyNot(): string | false {
  if (!isRoot) return "needs root";
  if (!hasKubectl) return "there is no kubectl";
  return existsSync(folder) ? false : `${folder} isn't there (WALKTHROUGHS)`;
}

describe("tutorials on a bare cluster", { skip: whyNot() }, () => {
  const name = `e2e-${process.pid}-w`;
  const weft = createWeftCommand({ WEFT_CLUSTER: name });
  const env = {
    ...process.env,
    KUBECONFIG: weft.kubeconfig,
    WEFT_CLUSTER: name,
    PATH: `${join(root, "bin")}${delimiter}${process.env["PATH"]}`,
  };
  before(async () => {
    const up = await weft.run("up");
    assert.equal(up.code, 0, up.stderr);
  });
  after(async () => {
    await weft.run("down");
    weft.remove();
  });

  for (const script of scripts) {
    test(script, async (t) => {
      const path = join(folder, `${script}.sh`);
      const first = await run(path);
      if (first.code === 0) return;
      assert.ok(askAtOnce.has(script), first.output);
      t.diagnostic(`tried twice: ${first.output.match(/FAIL.*/)?.[0]}`);
      const { code, output } = await run(path);
      assert.equal(code, 0, `${first.output}\nagain:\n${output}`);
    });
  }

  function run(path: string): Promise<{ code: number | null; output: string }> {
    return new Promise((resolve, reject) => {
      const child = spawn("bash", [path], { env, stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs });
      let output = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => {
          output += chunk.toString();
        });
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, output }));
    });
  }
});
