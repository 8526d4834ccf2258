import { X509Certificate } from "node:crypto";
import { clockSkew } from "./certificate.ts";

/** What Secret `istio-ca-secret` holds, PEM, and since when (ms since the epoch). */
export interface OwnRoot {
  readonly certificate: string;
  readonly key: string;
  /** The root that takes its place once everybody was told of it. */
  readonly next?: { readonly certificate: string; readonly key: string; readonly since: number };
  /** Somebody wants another root now. */
  readonly rotationWanted: boolean;
}

export interface RotationSettings {
  /** A root is replaced when less than so many hundredths of its life are left. Istio: CITADEL_SELF_SIGNED_ROOT_CERT_GRACE_PERIOD_PERCENTILE. */
  readonly gracePercent: number;
  /** How long everybody is told of a new root before it signs, ms. */
  readonly distributionMs: number;
  /** False: the user takes care of it. Istio: CITADEL_SELF_SIGNED_ROOT_CERT_CHECK_INTERVAL of 0. */
  readonly isAutomatic: boolean;
}

/**
 * What is to be done with the root that istiod made itself: `announce` a next one, `promote` it when it was told long enough, or
 * `wait` until a time (ms since the epoch).
 */
export function planRotation(
  root: OwnRoot,
  now: number,
  settings: RotationSettings,
): { readonly step: "announce" | "promote" } | { readonly step: "wait"; readonly until: number } {
  const { validFrom, validTo } = new X509Certificate(root.certificate);
  const [begin, end] = [Date.parse(validFrom) + clockSkew, Date.parse(validTo)];
  if (root.next !== undefined) {
    // With little time left, better early than never.
    const until = Math.min(root.next.since + settings.distributionMs, (root.next.since + end) / 2);
    return until <= now ? { step: "promote" } : { step: "wait", until };
  }
  if (root.rotationWanted) return { step: "announce" };
  if (!settings.isAutomatic) return { step: "wait", until: Number.POSITIVE_INFINITY };
  const until = end - ((end - begin) * settings.gracePercent) / 100;
  return until <= now ? { step: "announce" } : { step: "wait", until };
}
