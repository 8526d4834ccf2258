import type { Log } from "#log/log.ts";
import type { AgentStream } from "../agent-stream.ts";
import type { AgentSettings } from "../settings.ts";
import { type FollowSecret, isFileSecret, parseFileSecret, pathsOf, readSecret } from "./file-secrets.ts";
import { followFiles } from "./follow-files.ts";
import { type IdentityCounters, newIdentityCounters } from "./identity-counters.ts";
import { provideCertificate } from "./own-certificate.ts";
import { startSdsServer } from "./sds-server.ts";
import { createSecretStore } from "./secret-store.ts";

/** How often the files that Envoy uses are looked at, ms. */
const filesEveryMs = 1000;

/** The workload's identity as Envoy gets it. */
export interface Identity {
  /** Why Envoy has no certificate yet, in words. */
  readonly problem: string | undefined;
  /** When the workload's certificate ends, ms since the epoch; undefined while the agent has none to serve. */
  readonly endsAt: number | undefined;
  readonly counters: Readonly<IdentityCounters>;
  close(): Promise<void>;
}

/**
 * Serves secrets to Envoy: the workload's certificate and whom it trusts, unless somebody else does that already, and what it has in
 * files. Rejects when the socket can't be served.
 */
export async function startIdentity(settings: AgentSettings, stream: AgentStream, log: Log): Promise<Identity> {
  const { identity, foreignSockets } = settings;
  const counters = newIdentityCounters();
  const follow: FollowSecret = (name, files, onSecret) =>
    followFiles(pathsOf(files), {
      what: name,
      everyMs: filesEveryMs,
      take: () => onSecret(readSecret(files)),
      onFailure: () => void (counters.fileFailures += 1),
      log,
    });
  const store = createSecretStore((name) => {
    if (!isFileSecret(name)) return undefined;
    const files = parseFileSecret(name);
    if (files !== undefined) return follow(name, files, (secret) => store.set(name, secret));
    counters.fileFailures += 1;
    log.error("a secret's name says no files; expected file-cert:CERTIFICATE~KEY or file-root:ROOTS", { name });
    return () => {};
  });
  if (foreignSockets.workload) log.info("somebody else gives this workload its certificates", { at: identity.socket });
  const own = foreignSockets.workload
    ? undefined
    : await provideCertificate({ settings, stream, store, follow, counters, log });
  const socket = foreignSockets.workload ? identity.filesSocket : identity.socket;
  const server = await startSdsServer(socket, store, log, () => void (counters.pushes += 1));
  return {
    get problem() {
      return own?.problem;
    },
    get endsAt() {
      return own?.endsAt;
    },
    counters,
    async close() {
      own?.stop();
      await server.close();
    },
  };
}
