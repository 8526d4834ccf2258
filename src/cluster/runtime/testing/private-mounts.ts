import { spawn } from "node:child_process";
import { test } from "node:test";

const marker = "WEFT_TEST_PRIVATE_MOUNTS";

/** Why tests with real pods can't run here; undefined when they can. */
function whyNoPods(): string | undefined {
  if (process.platform !== "linux") return "pods need Linux";
  if (process.getuid?.() !== 0) return "pods need root: run the tests as root to include these";
  return undefined;
}

/**
 * Runs a test file's own tests in a mount namespace of their own, as the daemon has one: the first call of the file only starts
 * it again in there and reports how that went.
 */
export function inPrivateMounts(file: string, define: () => void): void {
  if (process.env[marker] !== undefined) {
    define();
    return;
  }
  const skip = whyNoPods();
  test("real pods", { skip: skip ?? false, timeout: 120_000 }, async () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const script = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$0" "$@"';
    const child = spawn(
      "unshare",
      ["--mount", "--propagation", "private", "sh", "-c", script, process.execPath, "--test-reporter=spec", file],
      { env: { ...env, [marker]: "1" }, stdio: ["ignore", "pipe", "pipe"] },
    );
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => output.push(chunk));
    const code = await new Promise((resolve) => child.on("close", resolve));
    const text = Buffer.concat(output).toString("utf8");
    if (code !== 0) throw new Error(`tests in the mount namespace failed:\n${text}`);
    process.stdout.write(text);
  });
}
