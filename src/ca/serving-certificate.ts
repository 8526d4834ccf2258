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
/** How often it is looked at whether it has to be renewed. */
const checkInterval = 30_000;

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
  let renewAt = 0;
  const first = await make();
  plan(first);
  const timer = setInterval(() => {
    if (Date.now() >= renewAt) renew();
  }, checkInterval);
  timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer));

  /** At two thirds of its life, which its authority may have cut short. */
  function plan({ cert }: ServingCertificate): void {
    const now = Date.now();
    renewAt = now + ((earliestEnd(readChain(cert)) - now) * 2) / 3;
  }

  function renew(): void {
    make().then(
      (certificate) => {
        if (signal.aborted) return;
        plan(certificate);
        log.info("renewed istiod's certificate");
        onRenewed(certificate);
      },
      (error: unknown) => log.error("can't renew istiod's certificate", { error }),
    );
  }

  return { first, renew };
}
