import type { ConfigMap, Secret } from "kubernetes-types/core/v1.d.ts";
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
  readonly configMaps: Informer<ConfigMap>;
  /** A proxy without an identity that was checked gets none. */
  open(proxy: Proxy, identity: WorkloadIdentity | undefined): ProxyCredentials;
  /** Waits for what decides whether the proxy may have any, so that its first listeners don't open without certificates. */
  ready(identity: WorkloadIdentity): Promise<void>;
  onChange(listener: (change: CredentialChange) => void): void;
}

export interface CredentialsOptions {
  readonly client: KubeClient;
  /** Whether Gateways that are served by the proxies of a namespace refer to the credential, which was granted to them. */
  readonly isGranted: (proxyNamespace: string, credential: string) => boolean;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** What a proxy is refused is told once for each name, up to so many. */
const maxTold = 100;

/** Kinds of Secrets that hold nothing for proxies, and are many. Istio: NewCredentialsController. */
const fieldSelector = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token";

/** Follows Secrets and gives proxies those of their own namespace, as far as their service account may read them. */
export function followCredentials({ client, isGranted, signal, log }: CredentialsOptions): Credentials {
  const secrets = startInformer<Secret>(client, resourceTypes.secrets, { signal, log, fieldSelector });
  const configMaps = startInformer<ConfigMap>(client, resourceTypes.configMaps, { signal, log });
  const listeners: ((change: CredentialChange) => void)[] = [];
  const tell = (change: CredentialChange): void => {
    for (const listener of listeners) listener(change);
  };
  secrets.onChange(({ key }) => tell({ secret: key }));
  configMaps.onChange(({ key }) => tell({ secret: `configmap ${key}` }));
  const access = createSecretAccess({ client, log, signal, onDecided: (account) => tell({ account }) });
  const made = new WeakMap<Secret | ConfigMap, Map<string, Resource | undefined>>();

  function resourceFor(resource: string, credential: CredentialName): Resource | undefined {
    const object = objectFor(credential);
    if (object === undefined) return undefined;
    const known = made.get(object) ?? new Map<string, Resource | undefined>();
    made.set(object, known);
    if (!known.has(resource)) {
      const secret = credential.scheme === "configmap" ? secretForm(object as ConfigMap) : (object as Secret);
      known.set(resource, encode(resource, secret, credential.authoritiesOnly));
    }
    return known.get(resource);
  }

  /** Authorities may be in a Secret of their own, or in the one with the certificate. */
  function objectFor({ scheme, namespace, name, authoritiesOnly }: CredentialName): Secret | ConfigMap | undefined {
    const whole = authoritiesOnly ? name.slice(0, -caSuffix.length) : name;
    if (scheme === "configmap") return configMaps.get(`${namespace}/${whole}`);
    return secrets.get(`${namespace}/${name}`) ?? secrets.get(`${namespace}/${whole}`);
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
    synced: Promise.all([secrets.synced, configMaps.synced]).then(() => {}),
    secrets,
    configMaps,
    ready: (identity) => access.decide(identity),
    onChange: (listener) => void listeners.push(listener),
    open(proxy, identity) {
      const used = new Set<string>();
      const told = new Set<string>();
      // Istio: a Kubernetes Gateway's Secrets need no Role: its own namespace is enough, or that they were granted to it. What is
      // in ConfigMaps are authorities, which are no secret.
      const refusalOf = ({ scheme, namespace, name }: CredentialName): string | undefined => {
        if (identity === undefined) return "the proxy came to the port without TLS, where nobody knows who it is";
        if (scheme === "configmap") return undefined;
        if (namespace === proxy.namespace) {
          if (scheme === "gateway" || access.isAllowed(identity)) return undefined;
          return `its service account ${identity.serviceAccount} may not list secrets there; give it a Role for that`;
        }
        if (scheme === "gateway" && isGranted(proxy.namespace, `kubernetes-gateway://${namespace}/${name}`))
          return undefined;
        return `the proxy is in namespace ${proxy.namespace}`;
      };
      const isFor = (credential: CredentialName): boolean => {
        const reason = refusalOf(credential);
        if (reason === undefined) return true;
        const { namespace, name } = credential;
        const isDecided = identity === undefined || access.isAllowed(identity) !== undefined;
        if (isDecided && told.size < maxTold && !told.has(`${namespace}/${name}`)) {
          told.add(`${namespace}/${name}`);
          log.warn("a proxy doesn't get the credential that it asks for", {
            proxy: `${proxy.name}.${proxy.namespace}`,
            secret: `${namespace}/${name}`,
            reason,
          });
        }
        return false;
      };
      return {
        generate: (names) =>
          [...names].flatMap((resource) => {
            const credential = parseCredentialName(resource, proxy.namespace);
            if (credential === undefined) return [];
            const { scheme, namespace, name, authoritiesOnly } = credential;
            const prefix = scheme === "configmap" ? "configmap " : "";
            used.add(`${prefix}${namespace}/${name}`);
            if (authoritiesOnly) used.add(`${prefix}${namespace}/${name.slice(0, -caSuffix.length)}`);
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

/** A ConfigMap's data as a Secret has it. */
function secretForm({ data = {} }: ConfigMap): Secret {
  return {
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")])),
  };
}
