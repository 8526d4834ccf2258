import { X509Certificate } from "node:crypto";
import type { Log } from "#log/log.ts";
import type { CaCertificate } from "#model/mesh-config.ts";
import { pemBlocks, toPem } from "#x509/pem.ts";
import { fetchSpiffeBundle } from "./spiffe-bundle.ts";

/** Roots that the mesh configuration adds to istiod's own. */
export interface MeshAnchors {
  /** One certificate in PEM each; the same list until it changes. */
  current(): readonly string[];
  /** Takes the mesh configuration's `caCertificates`, and again when it changes. */
  set(certificates: readonly CaCertificate[]): void;
}

export interface MeshAnchorsOptions {
  readonly onChange: () => void;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** How often bundles are fetched again, and after a failure, ms. Istio: RemoteDefaultPollPeriod. */
const pollMs = 30 * 60_000;
const retryMs = 30_000;
const maxUrls = 20;

/**
 * Follows what else is believed: certificates in the mesh configuration, and SPIFFE bundles that it names by URL. What can't be read, or
 * fetched, is told, and what was there before stays. Istio: TrustBundle.
 */
export function followMeshAnchors(options: MeshAnchorsOptions): MeshAnchors {
  const { onChange, signal, log } = options;
  const fetched = new Map<string, readonly string[]>();
  const timers = new Map<string, NodeJS.Timeout>();
  let inline: readonly string[] = [];
  let all: readonly string[] = [];
  signal.addEventListener("abort", () => {
    for (const timer of timers.values()) clearTimeout(timer);
  });

  function update(): void {
    const next = [...new Set([...inline, ...[...fetched.values()].flat()])].sort();
    if (next.join() === all.join()) return;
    all = next;
    log.info("trust anchors of the mesh configuration changed", { count: all.length });
    onChange();
  }

  async function poll(url: string): Promise<void> {
    let wait = pollMs;
    try {
      const certificates = await fetchSpiffeBundle(url, signal);
      if (timers.has(url)) fetched.set(url, certificates);
      update();
    } catch (error) {
      if (signal.aborted) return;
      wait = retryMs;
      log.warn("can't fetch a SPIFFE bundle; what it had before stays believed", {
        url,
        error,
        field: "caCertificates.spiffeBundleUrl",
        retryMs,
      });
    }
    if (timers.has(url) && !signal.aborted) timers.set(url, setTimeout(() => void poll(url), wait).unref());
  }

  return {
    current: () => all,
    set(certificates) {
      inline = certificates.flatMap(({ pem }, index) => (pem ? read(pem, index) : []));
      const urls = certificates.flatMap(({ spiffeBundleUrl }) => spiffeBundleUrl ?? []).slice(0, maxUrls);
      for (const [url, timer] of timers) {
        if (urls.includes(url)) continue;
        clearTimeout(timer);
        timers.delete(url);
        fetched.delete(url);
      }
      for (const url of urls) {
        if (timers.has(url)) continue;
        timers.set(url, setTimeout(() => void poll(url), 0).unref());
      }
      update();
    },
  };

  function read(pem: string, index: number): readonly string[] {
    const field = `caCertificates[${index}].pem`;
    const blocks = pemBlocks(pem, "CERTIFICATE");
    if (blocks.length === 0) log.error("mesh configuration: it has no certificate in PEM; it is left out", { field });
    return blocks.flatMap((block) => {
      try {
        const certificate = new X509Certificate(block);
        if (certificate.ca) return [toPem("CERTIFICATE", certificate.raw)];
        log.error("mesh configuration: not the certificate of a CA; it is left out", {
          field,
          subject: certificate.subject,
        });
      } catch (error) {
        log.error("mesh configuration: a certificate can't be read; it is left out", { field, error });
      }
      return [];
    });
  }
}
