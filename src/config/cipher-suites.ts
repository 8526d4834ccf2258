/** Istio: pkg/config/security ValidCipherSuites. */
const known: ReadonlySet<string> = new Set([
  "ALL",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-SHA",
  "ECDHE-RSA-AES128-SHA",
  "ECDHE-ECDSA-AES256-SHA",
  "ECDHE-RSA-AES256-SHA",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-SHA",
  "AES256-SHA",
  "DES-CBC3-SHA",
]);

/** Whether Envoy takes the suite. BoringSSL's list has operators before a name, and [a|b] for equals. */
export function isKnownCipherSuite(suite: string): boolean {
  const names = suite
    .replace(/^[-+!]/, "")
    .replace(/^\[(.*)\]$/, "$1")
    .split("|");
  return names.every((name) => known.has(name));
}

const curves: ReadonlySet<string> = new Set(["P-256", "P-384", "P-521", "X25519", "X25519MLKEM768"]);

/** Whether Envoy takes the curve, or way to agree on keys. Istio: ValidECDHCurves; Envoy 1.40 lacks two of them. */
export function isKnownCurve(curve: string): boolean {
  return curves.has(curve);
}
