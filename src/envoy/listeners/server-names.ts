/**
 * Names of a TLS handshake in the form that Envoy takes, or `undefined` for any. It knows patterns of whole labels only: others
 * (`*-a.example.com`) are left out, as they would cost the whole listener.
 */
export function serverNames(hosts: readonly string[]): readonly string[] | undefined {
  const names = hosts.map((host) => host.slice(host.indexOf("/") + 1).toLowerCase());
  if (names.includes("*")) return undefined;
  return [...new Set(names)].filter((name) => !name.startsWith("*") || name.startsWith("*."));
}
