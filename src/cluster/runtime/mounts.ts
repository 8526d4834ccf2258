import { readFile } from "node:fs/promises";
import { runProgram } from "./program.ts";

/** Mounts in this process's namespace at or below `root`, the deepest first. */
async function mountsBelow(root: string): Promise<readonly string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  const points = text
    .split("\n")
    .map((line) => unescapeOctal(line.split(" ")[4] ?? ""))
    .filter((point) => point === root || point.startsWith(`${root}/`));
  // A later line is mounted over an earlier one: unmount in reverse.
  return points.reverse().sort((a, b) => b.split("/").length - a.split("/").length);
}

/** Takes away every mount at or below `root`; detaches at once those still in use. */
export async function unmountBelow(root: string): Promise<void> {
  const points = await mountsBelow(root);
  if (points.length > 0) await runProgram("umount", ["-l", ...points]);
}

export async function mountTmpfs(path: string, options = "mode=755"): Promise<void> {
  await runProgram("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
}

/** Spaces and the like appear as `\040` in mountinfo (proc_pid_mountinfo(5)). */
function unescapeOctal(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
}
