import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { cache } from "./paths.mjs";
import { step } from "./say.mjs";

/** Where test tools are that come from Go. */
export const goTools = join(cache, "go-tools");

/** Program → the Go package it is built from. */
const tools = {
  fortio: "fortio.org/fortio@v1.63.7",
  h2spec: "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible",
};

/** Builds the test tools that aren't there, where Go is. Without them, and when that fails, their tests are skipped and say so. */
export async function ensureGoTools() {
  const missing = Object.keys(tools).filter((name) => !existsSync(join(goTools, name)));
  if (missing.length === 0 || spawnSync("go", ["version"], { stdio: "ignore" }).status !== 0) return;
  mkdirSync(goTools, { recursive: true });
  for (const name of missing)
    await step(`${name} (go install)`, () => {
      const env = { ...process.env, GOBIN: goTools };
      const { status } = spawnSync("go", ["install", tools[name]], { env, stdio: ["ignore", "ignore", "inherit"] });
      if (status !== 0) process.stderr.write(`   not installed: the tests that need ${name} are skipped\n`);
    });
}
