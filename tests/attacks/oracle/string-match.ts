/**
 * Istio's reference of AuthorizationPolicy, "Rule": any string field supports exact, prefix (`abc*`), suffix (`*abc`) and
 * presence (`*`, not empty) match. What isn't there matches nothing.
 */
export function stringMatches(pattern: string, value: string | undefined): boolean {
  if (value === undefined) return false;
  if (pattern === "*") return value !== "";
  if (pattern.startsWith("*")) return value.endsWith(pattern.slice(1));
  if (pattern.endsWith("*")) return value.startsWith(pattern.slice(0, -1));
  return value === pattern;
}

/**
 * "Operation", `paths`: `{*}` stands for one segment that isn't empty, `{**}`, at the end, for none or more. Other patterns are
 * strings.
 */
export function pathMatches(pattern: string, path: string): boolean {
  if (!pattern.includes("{")) return stringMatches(pattern, path);
  const wanted = pattern.split("/");
  const given = path.split("/");
  for (const [index, segment] of wanted.entries()) {
    if (segment === "{**}") {
      // "`/foo/{**}/` matches `/foo/bar/` and `/foo//`": with what follows it, only that the path ends with a slash.
      const after = wanted.slice(index + 1);
      return (
        given.length > index + after.length && given.slice(given.length - after.length).join("/") === after.join("/")
      );
    }
    const here = given[index];
    if (here === undefined) return false;
    if (segment === "{*}" ? here === "" : here !== segment) return false;
  }
  return given.length === wanted.length;
}

/** "Source", `ipBlocks`: one address, or a CIDR. IPv4 only. */
export function ipMatches(block: string, ip: string | undefined): boolean {
  if (ip === undefined) return false;
  const [network = "", length = "32"] = block.split("/");
  const shift = 2 ** (32 - Number(length));
  return Math.floor(numberOf(network) / shift) === Math.floor(numberOf(ip) / shift);
}

function numberOf(ip: string): number {
  return ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
