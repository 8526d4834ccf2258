import { rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import type { IdentitySettings } from "./settings.ts";

const patienceMs = 1000;

/** What somebody else (SPIRE's agent) gives this workload. */
export interface ForeignSockets {
  /** Its own certificate, and whom it trusts. */
  readonly workload: boolean;
  /** Certificates of a gateway's servers. */
  readonly credentials: boolean;
}

/** Looks who serves what. Throws an Error when the pod's settings say that somebody else must, and nobody does. */
export async function findForeignSockets(settings: IdentitySettings): Promise<ForeignSockets> {
  const { socket, socketIsForeign, credentialSocket } = settings;
  const [workload, credentials] = await Promise.all([isServed(socket), isServed(credentialSocket)]);
  if (socketIsForeign && !workload)
    throw new Error(`WORKLOAD_IDENTITY_SOCKET_FILE: nobody serves ${socket}; is SPIRE's agent running on this node?`);
  return { workload, credentials };
}

/** A socket that nobody answers at any more is removed. Istio: checkSocket. Throws when it can't be. */
async function isServed(path: string): Promise<boolean> {
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
