import type { KeyObject } from "node:crypto";
import type { Log } from "#log/log.ts";
import { earliestEnd, readChain } from "#x509/chain.ts";
import { pemBlocks } from "#x509/pem.ts";
import type { AgentStream } from "../agent-stream.ts";
import type { AgentSettings } from "../settings.ts";
import { keepCertificate } from "./certificate-keeper.ts";
import { requestCertificate } from "./certificate-request.ts";
import type { FollowSecret } from "./file-secrets.ts";
import { followFiles, readBounded } from "./follow-files.ts";
import type { IdentityCounters } from "./identity-counters.ts";
import { findMountedCertificates } from "./mounted-certificates.ts";
import type { SecretStore } from "./secret-store.ts";
import { createTrust } from "./trust.ts";
import { decodeTrustAnchors, proxyConfigType } from "./trust-anchors.ts";

/** Istio's names for the workload's own certificate and for whom it trusts. */
const ownName = "default";
const rootsName = "ROOTCA";

/** How often the file is looked at that the kubelet itself brings within a minute, ms. */
const crlEveryMs = 20_000;
/** Workloads whose root isn't trusted any more ask for another certificate within this time, ms. */
const renewalSpreadMs = 5_000;

/** The workload's certificate and whom it trusts, which are kept fresh in the store. */
export interface OwnCertificate {
  /** Why there is no certificate yet, in words. */
  readonly problem: string | undefined;
  /** When it ends, ms since the epoch. */
  readonly endsAt: number | undefined;
  stop(): void;
}

/**
 * Puts `default` and `ROOTCA` into the store and keeps them fresh: from files where somebody put them into the pod, else from the CA;
 * trust also from istiod, which tells of changes.
 */
export async function provideCertificate(options: {
  readonly settings: AgentSettings;
  readonly stream: AgentStream;
  readonly store: SecretStore;
  readonly follow: FollowSecret;
  readonly counters: IdentityCounters;
  readonly log: Log;
}): Promise<OwnCertificate> {
  const { settings, stream, store, follow, counters, log } = options;
  const { identity } = settings;
  const endings: (() => void)[] = [];
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
  return {
    get problem() {
      if (endsAt !== undefined) return undefined;
      if (!keeper) return "no certificate for this workload yet: its files aren't there or can't be used";
      return `no certificate for this workload yet${keeper.problem === undefined ? "" : `: ${keeper.problem}`}`;
    },
    get endsAt() {
      return endsAt;
    },
    stop() {
      keeper?.stop();
      for (const end of endings) end();
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
