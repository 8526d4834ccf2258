const known = new Map([
  ["cluster", "ISTIO_META_CLUSTER_ID"],
  ["net", "ISTIO_META_NETWORK"],
]);

/**
 * The proxy environment that a webhook's path sets: `/inject/cluster/c1/net/n1`. A slash in a value is written `--slash--`;
 * a key that isn't known is the variable's name in lower case. Istio: parseInjectEnvs.
 */
export function environmentOfPath(path: string): Readonly<Record<string, string>> {
  const parts = path.replace(/\/+$/, "").split("/").slice(2);
  const environment: Record<string, string> = {};
  for (let index = 0; index + 1 < parts.length; index += 2) {
    const key = parts[index] ?? "";
    const name = known.get(key) ?? key.toUpperCase();
    if (/^[A-Z_][A-Z0-9_]*$/.test(name)) environment[name] = (parts[index + 1] ?? "").replaceAll("--slash--", "/");
  }
  return environment;
}
