import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExpectedResponse } from "./cases.ts";
import { kubectl } from "./kubectl.ts";

const rounds = 100;
/** Percent points by which the share of a hundred requests may differ. */
const tolerance = 18;

/** The backends that requests are mirrored to write them into their logs. */
export async function judgeMirrors(expected: ExpectedResponse, send: () => Promise<unknown>): Promise<void> {
  const path = expected.request?.path ?? "/";
  const before = await Promise.all((expected.mirroredTo ?? []).map((target) => countAt(target.backendRef, path)));
  const isShare = expected.mirroredTo?.some(({ percent }) => percent !== undefined) ?? false;
  const sent = isShare ? rounds : 1;
  for (let index = 0; index < sent; index++) await send();
  await sleep(500);
  for (const [index, target] of (expected.mirroredTo ?? []).entries()) {
    const got = (await countAt(target.backendRef, path)) - (before[index] ?? 0);
    if (target.percent === undefined) assert.ok(got >= 1, `nothing was mirrored to ${target.backendRef.name}`);
    else
      assert.ok(
        Math.abs(got - target.percent) <= tolerance,
        `${got} of ${rounds} were mirrored to ${target.backendRef.name}, expected ${target.percent}`,
      );
  }
}

/** How many requests for a path a backend's pods say they had. */
export async function countAt({ name, namespace }: { name: string; namespace: string }, path: string): Promise<number> {
  const log = await kubectl(["-n", namespace, "logs", "-l", `app=${name}`, "--tail=-1"]);
  return log.split("\n").filter((line) => line.includes(`request made to ${path} to client`)).length;
}
