import { parseDuration } from "#model/duration.ts";
import type { KeyKind } from "#x509/key-pair.ts";

/** How istiod signs certificates. Times in ms. The names of variables are Istio's where they don't begin with WEFT. */
export interface CaOptions {
  /** Of the root that istiod makes itself. */
  readonly root: { readonly kind: KeyKind; readonly lifetimeMs: number };
  readonly rotation: { readonly gracePercent: number; readonly distributionMs: number; readonly isAutomatic: boolean };
  /** Of workloads' certificates: when they ask for nothing, and when they ask for much. */
  readonly lifetimeMs: { readonly usual: number; readonly longest: number };
  /** Whom tokens must be for; any of them is enough. */
  readonly audiences: readonly string[];
  /** Somebody else signs, by way of Kubernetes' CertificateSigningRequests. */
  readonly external?: ExternalSigner;
  /** Whether `istio-ca-crl` is kept in namespaces. */
  readonly tellsCrl: boolean;
}

/** Istio: K8S_SIGNER and CERT_SIGNER_DOMAIN. */
export interface ExternalSigner {
  /** For requests that name none, such as `clusterissuers.cert-manager.io/mesh`. */
  readonly usual: string;
  /** Requests may name any signer in it; "" for none. */
  readonly domain: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws an Error that names the variable that can't be used. */
export function readCaOptions(env: Environment): CaOptions {
  const duration = (name: string, fallback: string): number => {
    const ms = parseDuration(env[name] || fallback);
    if (ms === undefined) throw new Error(`${name}: ${JSON.stringify(env[name])} is not a duration, such as 24h`);
    return ms;
  };
  const gracePercent = Number(env["CITADEL_SELF_SIGNED_ROOT_CERT_GRACE_PERIOD_PERCENTILE"] || 20);
  if (!Number.isInteger(gracePercent) || gracePercent < 1 || gracePercent > 99)
    throw new Error(`CITADEL_SELF_SIGNED_ROOT_CERT_GRACE_PERIOD_PERCENTILE: ${gracePercent} is not between 1 and 99`);
  const audiences = (env["TOKEN_AUDIENCES"] || "istio-ca").split(",").map((audience) => audience.trim());
  return {
    root: { kind: rootKind(env), lifetimeMs: duration("CITADEL_SELF_SIGNED_CA_CERT_TTL", "87600h") },
    rotation: {
      gracePercent,
      distributionMs: duration("WEFT_ROOT_DISTRIBUTION_TIME", "2m"),
      isAutomatic: duration("CITADEL_SELF_SIGNED_ROOT_CERT_CHECK_INTERVAL", "1h") > 0,
    },
    lifetimeMs: {
      usual: duration("DEFAULT_WORKLOAD_CERT_TTL", "24h"),
      longest: duration("MAX_WORKLOAD_CERT_TTL", "2160h"),
    },
    audiences: audiences.filter((audience) => audience !== ""),
    ...externalSigner(env),
    tellsCrl: env["PILOT_ENABLE_CA_CRL"] !== "false",
  };
}

function externalSigner(env: Environment): { readonly external?: ExternalSigner } {
  const kind = env["EXTERNAL_CA"] ?? "";
  if (kind === "") return {};
  if (kind !== "ISTIOD_RA_KUBERNETES_API")
    throw new Error(`EXTERNAL_CA: ${kind} is not known; use ISTIOD_RA_KUBERNETES_API`);
  const usual = env["K8S_SIGNER"] ?? "";
  const domain = env["CERT_SIGNER_DOMAIN"] ?? "";
  if (usual === "" && domain === "")
    throw new Error(
      "EXTERNAL_CA: set K8S_SIGNER to the name of the signer, or CERT_SIGNER_DOMAIN to where names are from",
    );
  return { external: { usual, domain } };
}

/** An elliptic curve, unless RSA is asked for by its size. */
function rootKind(env: Environment): KeyKind {
  const size = env["CITADEL_SELF_SIGNED_CA_RSA_KEY_SIZE"];
  if (!size) return env["ECC_CURVE"] === "P384" ? "P-384" : "P-256";
  const rsaBits = Number(size);
  if (!Number.isInteger(rsaBits) || rsaBits < 2048 || rsaBits > 8192)
    throw new Error(`CITADEL_SELF_SIGNED_CA_RSA_KEY_SIZE: ${size} is not a size between 2048 and 8192`);
  return { rsaBits };
}
