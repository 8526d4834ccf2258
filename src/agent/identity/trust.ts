import { X509Certificate } from "node:crypto";

/** Whom this workload trusts. */
export interface Trust {
  /** Everybody to trust from now on, PEM each: what was told before doesn't count any more. */
  tell(anchors: readonly string[]): void;
  /** Roots to trust whatever is told, PEM each: the one that the workload's own certificate goes back to, or those in its files. */
  keep(roots: readonly string[]): void;
  /** Certificates that were taken back, PEM. */
  revoke(crlPem: string | undefined): void;
}

/** PEM. */
export interface TrustBundle {
  readonly rootsPem: string;
  readonly crlPem?: string;
}

/** `onChange` gets what is to be trusted whenever that may be something else; never nothing. */
export function createTrust(onChange: (bundle: TrustBundle) => void): Trust {
  let told: readonly string[] = [];
  let kept: readonly string[] = [];
  let revoked: { readonly crlPem?: string } = {};
  const changed = (): void => {
    const rootsPem = mergeRoots([...told, ...kept]);
    if (rootsPem !== "") onChange({ rootsPem, ...revoked });
  };
  return {
    tell(anchors) {
      told = anchors;
      changed();
    },
    keep(roots) {
      kept = roots;
      changed();
    },
    revoke(crlPem) {
      revoked = crlPem === undefined ? {} : { crlPem };
      changed();
    },
  };
}

/** Each certificate once, in an order of their own. Those that can't be read are left out: Envoy would refuse all for one. */
export function mergeRoots(blocks: readonly string[]): string {
  const roots = new Map<string, string>();
  for (const block of blocks) {
    try {
      roots.set(new X509Certificate(block).fingerprint256, block);
    } catch {}
  }
  return [...roots]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, block]) => block)
    .join("");
}
