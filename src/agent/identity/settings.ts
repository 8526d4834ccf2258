import { basename, resolve } from "node:path";
import type { KeyKind } from "#x509/key-pair.ts";
import { duration } from "../duration.ts";
import type { ServerAddress } from "../istiod-connection.ts";
import { certificateServer } from "../servers.ts";

/** How the workload comes by its certificate. Durations in ms. */
export interface IdentitySettings {
  /** Who signs certificates; undefined where they are in files. */
  readonly authority: ServerAddress | undefined;
  readonly trustDomain: string;
  readonly keyKind: KeyKind;
  /** PKCS #8 for the key that is written to `outputDir`, else the form of its kind. */
  readonly pkcs8: boolean;
  /** What is asked for; the CA may give less. */
  readonly lifetimeMs: number;
  /** The part of its life that a certificate still has when it is renewed, give or take `graceJitter`. */
  readonly graceRatio: number;
  readonly graceJitter: number;
  /** The kind of certificate to ask for, where istiod has others sign. */
  readonly certSigner: string | undefined;
  /** The Unix socket at which Envoy asks for secrets. */
  readonly socket: string;
  /** Whether somebody else must serve that socket (Istio: a name of its own). */
  readonly socketIsForeign: boolean;
  /** Where the agent serves secrets in files when somebody else has that socket. */
  readonly filesSocket: string;
  /** Where somebody else may serve certificates of a gateway's servers (`credentialName: sds://…`). */
  readonly credentialSocket: string;
  /** Where others may put the workload's certificates: `cert-chain.pem`, `key.pem`, `root-cert.pem`. The first that has some counts. */
  readonly mountedDirs: readonly string[];
  /** Certificates that the mesh's CA took back. */
  readonly crlPath: string;
  /** Where the certificate and its key are written for other containers of the pod; undefined: nowhere. */
  readonly outputDir: string | undefined;
  readonly outputMode: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const defaultSocketName = "socket";
const spiffeCredentialsDir = "/var/run/secrets/workload-spiffe-credentials";
/** Also where proxies without a token have their provisioned certificates. */
const certificatesDir = "/etc/certs";

/** Istio: the environment of pilot-agent, and its defaults but for the key: ECDSA, unless a size for RSA is set. Throws an Error that names the variable. */
export function identitySettings(env: Environment, discovery: ServerAddress): IdentitySettings {
  const socketName = env["WORKLOAD_IDENTITY_SOCKET_FILE"] || defaultSocketName;
  if (socketName !== basename(socketName))
    throw new Error(`WORKLOAD_IDENTITY_SOCKET_FILE: '${socketName}' is a path; give the name of a file`);
  const isMounted = env["FILE_MOUNTED_CERTS"] === "true";
  if (isMounted && env["PROV_CERT"])
    throw new Error("PROV_CERT and FILE_MOUNTED_CERTS: only one of them can be where the certificate comes from");
  const credentialDir = env["CREDENTIAL_DIR"] ?? "/var/run/secrets/credential-uds";
  const outputDir = env["OUTPUT_CERTS"] ? resolve("/", env["OUTPUT_CERTS"]) : undefined;
  return {
    authority: isMounted ? undefined : certificateServer(env, discovery),
    trustDomain: env["TRUST_DOMAIN"] || "cluster.local",
    keyKind: keyKind(env),
    pkcs8: env["PKCS8_KEY"] === "true",
    lifetimeMs: duration("SECRET_TTL", env["SECRET_TTL"] || "24h0m0s"),
    graceRatio: ratio(env, "SECRET_GRACE_PERIOD_RATIO", 0.5),
    graceJitter: ratio(env, "SECRET_GRACE_PERIOD_RATIO_JITTER", 0.01),
    certSigner: env["ISTIO_META_CERT_SIGNER"] || undefined,
    socket: `${env["WORKLOAD_IDENTITY_DIR"] ?? "/var/run/secrets/workload-spiffe-uds"}/${socketName}`,
    socketIsForeign: socketName !== defaultSocketName,
    filesSocket: `${credentialDir}/files-socket`,
    credentialSocket: `${credentialDir}/socket`,
    // What the agent writes itself it mustn't take for somebody's.
    mountedDirs: [spiffeCredentialsDir, certificatesDir].filter((dir) => dir !== outputDir),
    crlPath: "/var/run/secrets/istio/crl/ca-crl.pem",
    outputDir,
    // Istio: in a pod it is for containers that run as others.
    outputMode: env["KUBERNETES_SERVICE_HOST"] ? 0o644 : 0o600,
  };
}

/** Istio has RSA for the default; here that is what a size asks for. */
function keyKind(env: Environment): KeyKind {
  const algorithm = env["ECC_SIGNATURE_ALGORITHM"];
  const bits = env["WORKLOAD_RSA_KEY_SIZE"];
  if (algorithm && algorithm !== "ECDSA")
    throw new Error(`ECC_SIGNATURE_ALGORITHM: '${algorithm}' is not known; it is 'ECDSA' or not set`);
  if (!algorithm && bits) {
    if (!["2048", "3072", "4096", "8192"].includes(bits))
      throw new Error(`WORKLOAD_RSA_KEY_SIZE: '${bits}' is no size for a key; it is 2048, 3072, 4096 or 8192`);
    return { rsaBits: Number(bits) };
  }
  const curve = env["ECC_CURVE"] || "P256";
  if (curve === "P256") return "P-256";
  if (curve === "P384") return "P-384";
  throw new Error(`ECC_CURVE: '${curve}' is not known; it is 'P256' or 'P384'`);
}

function ratio(env: Environment, name: string, fallback: number): number {
  const text = env[name];
  if (!text) return fallback;
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new Error(`${name}: '${text}' is not between 0 and 1`);
  return value;
}
