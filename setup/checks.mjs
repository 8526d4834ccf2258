import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { findEnvoy } from "./envoy.mjs";
import { goTools } from "./go-tools.mjs";
import { flags } from "./node24.mjs";
import { compileCache, node24, root } from "./paths.mjs";

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Count
 * @typedef {{ name: string, run: () => Promise<Count> }} Check
 */

const bin = (name) => join(root, "node_modules", ".bin", name);

/** Looks at the code without running it: each is one check. */
export const staticChecks = [
  check("format and import order (biome)", bin("biome"), ["check", "."]),
  check("lint (oxlint, with types)", bin("oxlint"), ["--type-aware"]),
  check("types (tsc)", bin("tsc"), ["-p", "."]),
  check("unused files, exports, dependencies (knip)", node24, [bin("knip")]),
];

/** Code that is made from elsewhere is what its generator makes now. */
export const generatedCode = {
  name: "generated code (Envoy's types)",
  async run() {
    const { code, output } = await capture(node24, [...flags, join(root, "src/api/envoy/generate.ts"), "--check"]);
    if (code !== 0) process.stdout.write(output);
    if (code === 3) return { passed: 0, failed: 0, skipped: 1 };
    return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
  },
};

/** Unit tests beside their source, and those of the tree as a whole. */
export const unitTests = nodeTests(
  "unit tests",
  ["src/**/*.test.ts", "samples/**/*.test.ts", "tests/*.test.ts", "tests/!(e2e|attacks)/**/*.test.ts"],
  [],
);

/** What must fail, by real Envoys and a real control plane; fuzz; the oracle of policies. A minute or two. */
export const attackTests = nodeTests("attacks, fuzz and oracle", ["tests/attacks/**/*.test.ts"], []);

/** Whole clusters: real processes, root needed. One file at a time: they count what is on the machine. */
export const clusterTests = nodeTests("cluster tests", ["tests/e2e/**/*.test.ts"], ["--test-concurrency=1"]);

export const acceptance = {
  name: "acceptance data",
  async run() {
    const folder = process.env.ACCEPT ?? join(root, "..", "shared", "accept");
    if (!existsSync(folder)) {
      process.stdout.write(`   skipped: ${folder} isn't there (ACCEPT)\n`);
      return { passed: 0, failed: 0, skipped: 1 };
    }
    const { code, output } = await capture(node24, [...flags, join(root, "tests", "accept", "run.ts")]);
    process.stdout.write(output.replace(/^/gm, "   ").trimEnd().concat("\n"));
    const total = /^total: (\d+) passed, (\d+) failed, (\d+) skipped$/m.exec(output);
    if (!total) return { passed: 0, failed: 1, skipped: 0 };
    const [passed, failed, skipped] = total.slice(1).map(Number);
    return { passed, failed: failed || (code === 0 ? 0 : 1), skipped };
  },
};

/**
 * Runs the checks in order, all of them even after a failure, and says at the end how many passed and failed.
 * @param {readonly Check[]} checks
 * @returns {Promise<boolean>} whether all passed
 */
export async function runChecks(checks) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, run } of checks) {
    const started = Date.now();
    process.stdout.write(`== ${name}\n`);
    const count = await run();
    for (const key of Object.keys(total)) total[key] += count[key];
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : "";
    process.stdout.write(
      `   ${count.passed} passed, ${count.failed} failed${skipped} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`,
    );
  }
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
  return total.failed === 0;
}

function check(name, command, args) {
  return {
    name,
    async run() {
      const { code, output } = await capture(command, args);
      if (code !== 0) process.stdout.write(output);
      return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 };
    },
  };
}

function nodeTests(name, patterns, options) {
  return {
    name,
    async run() {
      const { code, output } = await capture(node24, [
        ...flags,
        "--test",
        "--test-reporter=spec",
        ...options,
        ...patterns,
      ]);
      // The last count is the whole run's; tests that run tests print counts of their own before it.
      const number = (word) => Number([...output.matchAll(new RegExp(`^ℹ ${word} (\\d+)$`, "gm"))].at(-1)?.[1] ?? 0);
      for (const line of output.matchAll(/^\s*﹣ (.*?) \([\d.]+ms\)(.*)$/gm))
        process.stdout.write(`   skipped: ${line[1]}${line[2]}\n`);
      const failed = number("fail") + number("cancelled");
      if (code !== 0) process.stdout.write(output.slice(Math.max(0, output.indexOf("failing tests:"))));
      return { passed: number("pass"), failed: failed || (code === 0 ? 0 : 1), skipped: number("skipped") };
    },
  };
}

function capture(command, args) {
  const envoy = findEnvoy();
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        NODE_COMPILE_CACHE: compileCache,
        ...(envoy && { WEFT_ENVOY: envoy }),
        PATH: `${join(root, "node_modules", ".bin")}:${process.env.PATH}:${goTools}`,
      },
    });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) => resolve({ code: 1, output: `${command}: ${error.message}\n` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}
