import type { Log } from "#log/log.ts";
import { earliestEnd, readChain } from "#x509/chain.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { type Authority, issue } from "./certificate.ts";

/** What a TLS server is configured with, PEM. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
}

const day = 24 * 3_600_000;
const lifetime = 90 * day;
const longestWait = day;
const retryAfter = 10_000;

/** The names that istiod is reached by. Istio: `istiod.<ns>.svc`, the revision's service, and the old `istio-pilot`. */
export function istiodNames(options: {
  readonly namespace: string;
  readonly revision: string;
  /** Of the cluster. */
  readonly domain: string;
}): readonly string[] {
  const { namespace, revision, domain } = options;
  const services = [
    "istiod",
    "istiod-remote",
    "istio-pilot",
    ...(revision === "default" ? [] : [`istiod-${revision}`]),
  ];
  return services.flatMap((name) => [
    `${name}.${namespace}.svc`,
    `${name}.${namespace}.svc.${domain}`,
    `${name}.${namespace}`,
    name,
  ]);
}

export interface ServingCertificateOptions {
  readonly authority: () => Authority;
  readonly names: readonly string[];
  /** Gets each certificate after the first. */
  readonly onRenewed: (certificate: ServingCertificate) => void;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** istiod's own certificate. */
export interface ServingCertificateKeeper {
  readonly first: ServingCertificate;
  /** Issues it anew, because it is signed by another authority now. */
  renew(): void;
}

/**
 * Issues istiod's own certificate, and again before it ends until the signal aborts. Its key is made anew each time and is never
 * written anywhere.
 */
export async function keepServingCertificate(options: ServingCertificateOptions): Promise<ServingCertificateKeeper> {
  const { authority, names, onRenewed, signal, log } = options;
  const make = async (): Promise<ServingCertificate> => {
    const pair = await generateKeyPair();
    const cert = issue(authority(), {
      publicKey: pair.publicKey,
      names: [...names.map((dns) => ({ dns })), { dns: "localhost" }, { ip: "127.0.0.1" }],
      organization: "istiod",
      lifetimeMs: lifetime,
      now: new Date(),
    });
    return { cert, key: pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string };
  };
  let timer: NodeJS.Timeout | undefined;
  signal.addEventListener("abort", () => clearTimeout(timer));
  const first = await make();
  renewIn(twoThirdsOf(first));

  function renewIn(ms: number): void {
    clearTimeout(timer);
    if (signal.aborted) return;
    // Timers can't be set further ahead than some weeks.
    timer = ms > longestWait ? setTimeout(() => renewIn(ms - longestWait), longestWait) : setTimeout(renew, ms);
    timer.unref();
  }

  function renew(): void {
    make().then(
      (certificate) => {
        if (signal.aborted) return;
        renewIn(twoThirdsOf(certificate));
        log.info("renewed istiod's certificate");
        onRenewed(certificate);
      },
      (error: unknown) => {
        log.error("can't renew istiod's certificate", { error });
        renewIn(retryAfter);
      },
    );
  }

  return { first, renew };
}

/** How long a certificate is good for before it should be renewed, ms; its authority may have cut its life short. */
function twoThirdsOf({ cert }: ServingCertificate): number {
  return Math.max(1_000, ((earliestEnd(readChain(cert)) - Date.now()) * 2) / 3);
}
