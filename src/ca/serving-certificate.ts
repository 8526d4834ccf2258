import type { Log } from "#log/log.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { type Authority, issue } from "./certificate.ts";

/** What a TLS server is configured with, PEM. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
}

const day = 24 * 3_600_000;
const lifetime = 90 * day;
/** It is renewed when two thirds of its life are over; looked at this often. */
const renewAfter = 60 * day;
const checkInterval = 3_600_000;

/** The names that istiod is reached by. Istio: `istiod.<ns>.svc`, the revision's service, and the old `istio-pilot`. */
export function istiodNames(options: { readonly namespace: string; readonly revision: string }): readonly string[] {
  const { namespace, revision } = options;
  const services = [
    "istiod",
    "istiod-remote",
    "istio-pilot",
    ...(revision === "default" ? [] : [`istiod-${revision}`]),
  ];
  return services.flatMap((name) => [
    `${name}.${namespace}.svc`,
    `${name}.${namespace}.svc.cluster.local`,
    `${name}.${namespace}`,
    name,
  ]);
}

/**
 * Issues istiod's own certificate, and again before it ends until the signal aborts; `onRenewed` gets each later one.
 * Its key is made anew each time and is never written anywhere.
 */
export async function keepServingCertificate(
  authority: Authority,
  options: {
    readonly names: readonly string[];
    readonly onRenewed: (certificate: ServingCertificate) => void;
    readonly signal: AbortSignal;
    readonly log: Log;
  },
): Promise<ServingCertificate> {
  const { names, onRenewed, signal, log } = options;
  const make = async (): Promise<ServingCertificate> => {
    const pair = await generateKeyPair();
    const cert = issue(authority, {
      publicKey: pair.publicKey,
      names: [...names.map((dns) => ({ dns })), { dns: "localhost" }, { ip: "127.0.0.1" }],
      organization: "istiod",
      lifetimeMs: lifetime,
      now: new Date(),
    });
    return { cert, key: pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string };
  };
  let issuedAt = Date.now();
  const first = await make();
  const timer = setInterval(() => {
    if (Date.now() - issuedAt < renewAfter) return;
    issuedAt = Date.now();
    make().then(
      (certificate) => {
        log.info("renewed istiod's certificate");
        onRenewed(certificate);
      },
      (error: unknown) => log.error("can't renew istiod's certificate", { error }),
    );
  }, checkInterval);
  timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer));
  return first;
}
