/** The parts of a workload's identity, as the URI name of its certificate has them. */
export interface Identity {
  readonly trustDomain: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

const scheme = "spiffe://";

/** `spiffe://cluster.local/ns/default/sa/reviews`; undefined without a namespace or an account. Istio: spiffe.GenSpiffeURI. */
export function identityUri({ trustDomain, namespace, serviceAccount }: Identity): string | undefined {
  if (namespace === "" || serviceAccount === "") return undefined;
  return `${scheme}${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/** Undefined for what isn't a workload's identity. Istio: spiffe.ParseIdentity. */
export function parseIdentity(uri: string): Identity | undefined {
  const [, trustDomain, namespace, serviceAccount] = /^spiffe:\/\/([^/]*)\/ns\/([^/]*)\/sa\/([^/]*)$/.exec(uri) ?? [];
  if (trustDomain === undefined || namespace === undefined || serviceAccount === undefined) return undefined;
  return { trustDomain, namespace, serviceAccount };
}

/** The identities, and the same in other trust domains. Istio: spiffe.ExpandWithTrustDomains. */
export function inTrustDomains(uris: readonly string[], trustDomains: readonly string[]): readonly string[] {
  const others = uris.flatMap((uri) => {
    const identity = parseIdentity(uri);
    return identity ? trustDomains.flatMap((trustDomain) => identityUri({ ...identity, trustDomain }) ?? []) : [];
  });
  return [...new Set([...uris, ...others])];
}
