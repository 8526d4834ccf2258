import { jwtCases } from "./authn/jwt.ts";
import { peerCases } from "./authn/peer.ts";
import { selectionCases } from "./authn/selection.ts";
import type { AcceptCase } from "./suite.ts";

/** Authentication policies: which are for a workload, and what they make of it. */
export default async function authn(folder: string): Promise<readonly AcceptCase[]> {
  return [...peerCases(folder), ...jwtCases(folder), ...selectionCases(folder)];
}
