/** What a policy calls the mesh's own trust domain and its aliases, whatever they are. */
const localTrustDomain = "cluster.local";

/** Whether a pattern takes in the text: it is the text itself, or has a `*` at its start or its end. */
export function takesIn(pattern: string, text: string): boolean {
  if (pattern === "*" || pattern === text) return true;
  if (pattern.startsWith("*")) return text.endsWith(pattern.slice(1));
  return pattern.endsWith("*") && text.startsWith(pattern.slice(0, -1));
}

/**
 * Principals (`TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`) of the mesh as all its trust domains call them; others stay as they are.
 * Istio: ReplaceTrustDomainAliases.
 */
export function principalsOfAliases(principals: readonly string[], trustDomains: readonly string[]): readonly string[] {
  return principals.flatMap((principal) => {
    const [own = "", ...rest] = principal.split("/");
    const isOurs = own === localTrustDomain || trustDomains.some((domain) => takesIn(own, domain));
    if (rest.length !== 4 || own === "*" || !isOurs) return [principal];
    const inDomain = (domain: string): string =>
      own.startsWith("*") && takesIn(own, domain) ? principal : [domain, ...rest].join("/");
    return [...new Set(trustDomains.map(inDomain))];
  });
}

/** The same of trust domains by themselves. Istio: ExpandTrustDomainAliases. */
export function aliasesOf(names: readonly string[], trustDomains: readonly string[]): readonly string[] {
  return [...new Set(names.flatMap((name) => (trustDomains.includes(name) ? trustDomains : [name])))];
}
