import type { Secret } from "kubernetes-types/core/v1.d.ts";
import type { WorkloadIdentity } from "#ca/token-review.ts";
import { keyPairResource, trustBundleResource } from "#envoy/tls/secret.ts";
import { caSuffix } from "#envoy/tls/secret-reference.ts";
import type { KubeClient } from "#kube/client.ts";
import { type Informer, startInformer } from "#kube/informer.ts";
import { objectKey } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import type { Proxy } from "#model/proxy.ts";
import type { Resource } from "#xds/resource.ts";
import { keyPairOf, trustBundleOf } from "./credential-data.ts";
import { type CredentialName, parseCredentialName } from "./credential-name.ts";
import { createSecretAccess } from "./secret-access.ts";

/** What one connected proxy gets of the cluster's Secrets. */
export interface ProxyCredentials {
  /** SDS resources by name; what isn't there, or isn't for this proxy, is left out. */
  generate(names: Iterable<string>): readonly Resource[];
  /** Whether a change of the Secret `namespace/name`, or of what the account may read, can change what was generated. */
  concernedBy(change: CredentialChange): boolean;
}

type CredentialChange = { readonly secret: string } | { readonly account: WorkloadIdentity };

/** The cluster's Secrets, for proxies. */
export interface Credentials {
  readonly synced: Promise<void>;
  readonly secrets: Informer<Secret>;
  /** A proxy without an identity that was checked gets none. */
  open(proxy: Proxy, identity: WorkloadIdentity | undefined): ProxyCredentials;
  /** Waits for what decides whether the proxy may have any, so that its first listeners don't open without certificates. */
  ready(identity: WorkloadIdentity): Promise<void>;
  onChange(listener: (change: CredentialChange) => void): void;
}

export interface CredentialsOptions {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Kinds of Secrets that hold nothing for proxies, and are many. Istio: NewCredentialsController. */
const fieldSelector = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token";

/** Follows Secrets and gives proxies those of their own namespace, as far as their service account may read them. */
export function followCredentials({ client, signal, log }: CredentialsOptions): Credentials {
  const secrets = startInformer<Secret>(client, resourceTypes.secrets, { signal, log, fieldSelector });
  const listeners: ((change: CredentialChange) => void)[] = [];
  const tell = (change: CredentialChange): void => {
    for (const listener of listeners) listener(change);
  };
  secrets.onChange(({ key }) => tell({ secret: key }));
  const access = createSecretAccess({ client, log, onDecided: (account) => tell({ account }) });
  const made = new WeakMap<Secret, Map<string, Resource | undefined>>();

  function resourceFor(resource: string, { namespace, name, authoritiesOnly }: CredentialName): Resource | undefined {
    const own = secrets.get(`${namespace}/${name}`);
    // Authorities may be in a Secret of their own, or in the one with the certificate.
    const secret =
      own ?? (authoritiesOnly ? secrets.get(`${namespace}/${name.slice(0, -caSuffix.length)}`) : undefined);
    if (secret === undefined) return undefined;
    const known = made.get(secret) ?? new Map<string, Resource | undefined>();
    made.set(secret, known);
    if (!known.has(resource)) known.set(resource, encode(resource, secret, authoritiesOnly));
    return known.get(resource);
  }

  function encode(resource: string, secret: Secret, authoritiesOnly: boolean): Resource | undefined {
    const data = authoritiesOnly ? trustBundleOf(secret) : keyPairOf(secret);
    if (typeof data === "string") {
      log.warn("a secret can't be used as a credential", { secret: objectKey(secret), problem: data });
      return undefined;
    }
    return "key" in data ? keyPairResource(resource, data) : trustBundleResource(resource, data);
  }

  return {
    synced: secrets.synced,
    secrets,
    ready: (identity) => access.decide(identity),
    onChange: (listener) => void listeners.push(listener),
    open(proxy, identity) {
      const used = new Set<string>();
      // Istio: a Kubernetes Gateway's Secrets need no Role, the Gateway's own namespace is enough.
      const isFor = ({ scheme, namespace }: CredentialName): boolean =>
        identity !== undefined && namespace === proxy.namespace && (scheme === "gateway" || access.isAllowed(identity));
      return {
        generate: (names) =>
          [...names].flatMap((resource) => {
            const credential = parseCredentialName(resource, proxy.namespace);
            if (credential === undefined) return [];
            const { namespace, name, authoritiesOnly } = credential;
            used.add(`${namespace}/${name}`);
            if (authoritiesOnly) used.add(`${namespace}/${name.slice(0, -caSuffix.length)}`);
            return isFor(credential) ? (resourceFor(resource, credential) ?? []) : [];
          }),
        concernedBy: (change) =>
          "secret" in change
            ? used.has(change.secret)
            : used.size > 0 &&
              change.account.namespace === identity?.namespace &&
              change.account.serviceAccount === identity.serviceAccount,
      };
    },
  };
}
