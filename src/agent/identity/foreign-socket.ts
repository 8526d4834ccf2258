import { rmSync, statSync } from "node:fs";
import { connect } from "node:net";

const patienceMs = 1000;

/**
 * Whether somebody else (SPIRE's agent) serves secrets at this path. A socket that nobody answers at any more is removed.
 * Istio: checkSocket. Throws when it can't be.
 */
export async function isServed(path: string): Promise<boolean> {
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return false;
  const answers = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(patienceMs, () => end(false));
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
  if (!answers) rmSync(path);
  return answers;
}
