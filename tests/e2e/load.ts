import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Mesh } from "./mesh.ts";

/** What `pods/load.ts` prints. */
export interface LoadResult {
  readonly sent: number;
  /** Answers and how often they came. */
  readonly seen: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
  readonly failed: number;
}

/** Requests from a pod of this app, which has the program, through its sidecar. */
export async function loadFromPod(mesh: Mesh, app: string, url: string, seconds: number): Promise<LoadResult> {
  const [pod] = await mesh.pods(app);
  const command = ["node", "/programs/load.ts", url, String(seconds)];
  return JSON.parse(await mesh.run(pod?.metadata?.name ?? "", command, seconds + 30)) as LoadResult;
}

/** Requests from the machine. */
export function loadFromOutside(url: string, seconds: number): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const program = join(import.meta.dirname, "pods", "load.ts");
    const child = spawn(process.execPath, [program, url, String(seconds)]);
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.on("error", reject);
    child.on("close", () => resolve(JSON.parse(text) as LoadResult));
  });
}

export function assertNoneFailed(result: LoadResult, atLeast = 300): void {
  assert.deepEqual(result.failures, [], `${result.failed} of ${result.sent}`);
  assert.ok(result.sent > atLeast, `only ${result.sent} requests`);
}
