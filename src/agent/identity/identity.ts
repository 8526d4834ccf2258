import type { Log } from "#log/log.ts";
import type { AgentSettings } from "../settings.ts";
import { type CertificateKeeper, keepCertificate } from "./certificate-keeper.ts";
import { requestCertificate } from "./certificate-request.ts";
import { isServed } from "./foreign-socket.ts";
import { startSdsServer } from "./sds-server.ts";
import { createSecretStore } from "./secret-store.ts";
import { mergeRoots } from "./trust-bundle.ts";

/** Istio's names for the workload's own certificate and for whom it trusts. */
const ownName = "default";
const rootsName = "ROOTCA";

/** The workload's identity as Envoy gets it. */
export interface Identity {
  /** Why Envoy has no certificate yet, in words. */
  readonly problem: string | undefined;
  /** Undefined when somebody else serves the workload's certificate. */
  readonly keeper: CertificateKeeper | undefined;
  close(): Promise<void>;
}

/**
 * Gets the workload a certificate and serves it to Envoy, unless somebody else does that already. Rejects when
 * the socket can't be served.
 */
export async function startIdentity(settings: AgentSettings, log: Log): Promise<Identity> {
  const { socket, socketIsForeign } = settings.identity;
  if (await isServed(socket)) {
    log.info("somebody else gives this workload its certificates", { socket });
    return { problem: undefined, keeper: undefined, close: async () => {} };
  }
  if (socketIsForeign)
    throw new Error(`WORKLOAD_IDENTITY_SOCKET_FILE: nobody serves ${socket}; is SPIRE's agent running on this node?`);
  const store = createSecretStore();
  const server = await startSdsServer(socket, store, log);
  const keeper = keepCertificate({
    ...settings.identity,
    request: () => requestCertificate(settings),
    onCertificate({ key, chainPem, roots }) {
      // Whom to trust first: with the new certificate peers may come that only the new roots cover.
      const rootsPem = mergeRoots(roots);
      if (rootsPem !== "") store.set(rootsName, { rootsPem });
      const keyPem = key.export({ type: "pkcs8", format: "pem" }) as string;
      store.set(ownName, { chainPem, keyPem });
    },
    log,
  });
  return {
    get problem() {
      if (keeper.current) return undefined;
      return `no certificate for this workload yet${keeper.problem === undefined ? "" : `: ${keeper.problem}`}`;
    },
    keeper,
    async close() {
      keeper.stop();
      await server.close();
    },
  };
}
