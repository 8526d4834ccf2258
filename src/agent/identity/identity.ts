import type { KeyObject } from "node:crypto";
import type { Log } from "#log/log.ts";
import { earliestEnd, readChain } from "#x509/chain.ts";
import { pemBlocks } from "#x509/pem.ts";
import type { AgentStream } from "../agent-stream.ts";
import type { AgentSettings } from "../settings.ts";
import { keepCertificate } from "./certificate-keeper.ts";
import { requestCertificate } from "./certificate-request.ts";
import { isFileSecret, parseFileSecret, pathsOf, readSecret, type SecretFiles } from "./file-secrets.ts";
import { followFiles, readBounded } from "./follow-files.ts";
import { isServed } from "./foreign-socket.ts";
import { type IdentityCounters, newIdentityCounters } from "./identity-counters.ts";
import { findMountedCertificates } from "./mounted-certificates.ts";
import { startSdsServer } from "./sds-server.ts";
import type { Secret } from "./secret.ts";
import { createSecretStore } from "./secret-store.ts";
import { createTrust } from "./trust.ts";
import { decodeTrustAnchors, proxyConfigType } from "./trust-anchors.ts";

/** Istio's names for the workload's own certificate and for whom it trusts. */
const ownName = "default";
const rootsName = "ROOTCA";

/** How often files are looked at, ms: those that Envoy uses, and one that the kubelet itself brings within a minute. */
const secretsEveryMs = 1000;
const crlEveryMs = 20_000;
/** Workloads whose root isn't trusted any more ask for another certificate within this time, ms. */
const renewalSpreadMs = 5_000;

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
 * Gets the workload a certificate and serves it to Envoy, unless somebody else does that already. Rejects when
 * the socket can't be served.
 */
export async function startIdentity(settings: AgentSettings, stream: AgentStream, log: Log): Promise<Identity> {
  const { socket, socketIsForeign } = settings.identity;
  if (await isServed(socket)) {
    log.info("somebody else gives this workload its certificates", { socket });
    return { problem: undefined, endsAt: undefined, counters: newIdentityCounters(), close: async () => {} };
  }
  if (socketIsForeign)
    throw new Error(`WORKLOAD_IDENTITY_SOCKET_FILE: nobody serves ${socket}; is SPIRE's agent running on this node?`);
  return serveIdentity(settings, stream, log);
}

async function serveIdentity(settings: AgentSettings, stream: AgentStream, log: Log): Promise<Identity> {
  const { identity } = settings;
  const counters = newIdentityCounters();
  const endings: (() => void)[] = [];

  const follow = (name: string, files: SecretFiles, onSecret: (secret: Secret) => void): (() => void) =>
    followFiles(pathsOf(files), {
      what: name,
      everyMs: secretsEveryMs,
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
  const output = await outputTo(settings, log);

  let endsAt: number | undefined;
  const setOwn = (chainPem: string, keyPem: string): void => {
    endsAt = earliestEnd(readChain(chainPem));
    store.set(ownName, { chainPem, keyPem });
  };
  const trust = createTrust((bundle) => {
    store.set(rootsName, bundle);
    output({ rootsPem: bundle.rootsPem });
  });

  const mounted = findMountedCertificates(identity.mountedDirs);
  if (mounted.roots)
    endings.push(
      follow(rootsName, mounted.roots, (secret) => {
        if ("rootsPem" in secret) trust.keep(pemBlocks(secret.rootsPem, "CERTIFICATE"));
      }),
    );
  if (mounted.own)
    endings.push(
      follow(ownName, mounted.own, (secret) => {
        if ("keyPem" in secret) setOwn(secret.chainPem, secret.keyPem);
      }),
    );
  const { authority } = identity;
  let ownRoot: string | undefined;
  const keeper =
    mounted.own || authority === undefined
      ? undefined
      : keepCertificate({
          ...identity,
          counters,
          request: () => requestCertificate(settings, authority),
          onCertificate({ key, chainPem, anchors }) {
            // Whom to trust first: with the new certificate peers may come that only the new roots cover.
            ownRoot = anchors.at(-1);
            if (!mounted.roots && ownRoot !== undefined) trust.keep([ownRoot]);
            if (anchors.length > 0) trust.tell(anchors);
            setOwn(chainPem, key.export({ type: "pkcs8", format: "pem" }) as string);
            output({ keyPem: outputForm(key, identity.pkcs8), chainPem });
          },
          log,
        });
  stream.follow(proxyConfigType, (bytes) => {
    const anchors = decodeTrustAnchors(bytes);
    log.info("told whom to trust", { roots: anchors.length });
    trust.tell(anchors);
    if (ownRoot !== undefined && !anchors.includes(ownRoot)) {
      log.warn("the root of this workload's certificate isn't trusted any more; asking for another certificate");
      keeper?.renew(renewalSpreadMs);
    }
  });
  endings.push(
    followFiles([identity.crlPath], {
      what: "certificates that were taken back",
      everyMs: crlEveryMs,
      take: () => trust.revoke(readCrl(identity.crlPath)),
      onFailure: () => void (counters.fileFailures += 1),
      log,
    }),
  );
  const server = await startSdsServer(identity.socket, store, log, () => void (counters.pushes += 1));

  return {
    get problem() {
      if (endsAt !== undefined) return undefined;
      if (!keeper) return "no certificate for this workload yet: its files aren't there or can't be used";
      return `no certificate for this workload yet${keeper.problem === undefined ? "" : `: ${keeper.problem}`}`;
    },
    get endsAt() {
      return endsAt;
    },
    counters,
    async close() {
      keeper?.stop();
      for (const end of endings) end();
      await server.close();
    },
  };
}

type Output = (files: { readonly keyPem?: string; readonly chainPem?: string; readonly rootsPem?: string }) => void;

/** Where the pod's settings ask for it (OUTPUT_CERTS), writes to a directory; else nothing is written anywhere. */
async function outputTo({ identity }: AgentSettings, log: Log): Promise<Output> {
  const { outputDir, outputMode } = identity;
  if (outputDir === undefined) return () => {};
  const { outputCertificates } = await import("./output-certificates.ts");
  return (files) => {
    try {
      outputCertificates(outputDir, files, outputMode);
    } catch (error) {
      log.error("OUTPUT_CERTS: certificates can't be written", { dir: outputDir, error });
    }
  };
}

/** Istio: without PKCS8_KEY a key is written in the form of its own kind. */
function outputForm(key: KeyObject, pkcs8: boolean): string {
  const type = pkcs8 ? "pkcs8" : key.asymmetricKeyType === "rsa" ? "pkcs1" : "sec1";
  return key.export({ type, format: "pem" }) as string;
}

/** Empty or missing: nothing was taken back. */
function readCrl(path: string): string | undefined {
  try {
    return pemBlocks(readBounded(path), "X509 CRL").join("") || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
