import { Counter, Gauge, type Registry } from "prom-client";

/** What went wrong with a request for a certificate. Istio: the `error` label of `citadel_server_csr_sign_err_count`. */
type SigningError = "CSR_ERROR" | "TTL_ERROR" | "CERT_GEN_ERROR" | "CA_NOT_READY";

/** Metrics of the certificate authority, under Istio's names. */
export interface CaMetrics {
  readonly requested: () => void;
  readonly unauthenticated: () => void;
  /** The request itself can't be read. */
  readonly unreadable: () => void;
  /** The caller has no identity that can be certified. */
  readonly unidentified: () => void;
  readonly failed: (error: SigningError) => void;
  readonly issued: () => void;
  /** When the root, and the first of the certificates of the authority, end; ms since the epoch. */
  readonly ends: (root: number, chain: number | undefined) => void;
}

export function createCaMetrics(registry: Registry): CaMetrics {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
    new Counter({ name: `citadel_server_${name}`, help, labelNames, registers });
  const requested = counter("csr_count", "Certificate requests received.");
  const unauthenticated = counter("authentication_failure_count", "Callers that could not be authenticated.");
  const unreadable = counter("csr_parsing_err_count", "Certificate requests that can't be read.");
  const unidentified = counter("id_extraction_err_count", "Callers without an identity that can be certified.");
  const failed = counter("csr_sign_err_count", "Certificate requests that were not served, by error.", ["error"]);
  const issued = counter("success_cert_issuance_count", "Certificates issued.");
  const gauge = (name: string, help: string, value: () => number | undefined): Gauge =>
    new Gauge({
      name: `citadel_server_${name}`,
      help,
      registers,
      collect() {
        const now = value();
        if (now === undefined) this.reset();
        else this.set(now);
      },
    });
  const ends: { root?: number; chain: number | undefined } = { chain: undefined };
  for (const [part, name, what] of [
    ["root", "root_cert", "the root certificate"],
    ["chain", "cert_chain", "the first certificate between root and workloads"],
  ] as const) {
    gauge(`${name}_expiry_timestamp`, `When ${what} ends, seconds since the epoch.`, () => {
      const end = ends[part];
      return end === undefined ? undefined : Math.floor(end / 1000);
    });
    gauge(`${name}_expiry_seconds`, `How long ${what} holds, seconds.`, () => {
      const end = ends[part];
      return end === undefined ? undefined : (end - Date.now()) / 1000;
    });
  }
  return {
    requested: () => requested.inc(),
    unauthenticated: () => unauthenticated.inc(),
    unreadable: () => unreadable.inc(),
    unidentified: () => unidentified.inc(),
    failed: (error) => failed.inc({ error }),
    issued: () => issued.inc(),
    ends(rootEnd, chainEnd) {
      ends.root = rootEnd;
      ends.chain = chainEnd;
    },
  };
}
