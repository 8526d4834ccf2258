import type { Namespace } from "kubernetes-types/core/v1.d.ts";
import { followAuthorities } from "#ca/authorities.ts";
import type { Authority } from "#ca/certificate.ts";
import { keepNamespaceConfigMap } from "#ca/namespace-config-map.ts";
import { istiodNames, keepServingCertificate, type ServingCertificate } from "#ca/serving-certificate.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Informer } from "#kube/informer.ts";
import type { Log } from "#log/log.ts";
import { earliestEnd, readChain } from "#x509/chain.ts";
import type { MeshSettings } from "../mesh-settings.ts";
import type { IstiodOptions } from "../options.ts";
import type { CaMetrics } from "./ca-metrics.ts";
import { followMeshAnchors } from "./mesh-anchors.ts";

const maxOtherRoots = 20;

/** istiod's certificate, and what a client's certificate is checked against. */
interface ServerTls extends ServingCertificate {
  readonly ca: string;
  /** Of revoked certificates; OpenSSL then wants one for each CA on the way to the root. */
  readonly crl?: string;
}

/** Who signs, and what is believed. */
export interface Trust {
  readonly signer: () => Authority;
  /** istiod's own roots, PEM. */
  readonly rootPem: () => string;
  /** All roots that workloads believe, one certificate in PEM each; the same list until it changes. */
  readonly anchors: () => readonly string[];
  /** For istiod's servers. */
  readonly serverTls: () => ServerTls;
  /** istiod's certificate, or what clients' are checked against, is another. */
  readonly onServerTls: (listener: (tls: ServerTls) => void) => void;
  readonly onAnchors: (listener: () => void) => void;
  /** Somebody else signs certificates that go back to this root, PEM. */
  readonly noteRoot: (pem: string) => void;
  /** A certificate was issued that holds so long, ms: its root stays believed that long. */
  readonly noteLifetime: (ms: number) => void;
}

export interface TrustOptions {
  readonly client: KubeClient;
  readonly options: IstiodOptions;
  readonly settings: MeshSettings;
  readonly namespaces: Informer<Namespace>;
  /** Whether a namespace is the mesh's at all. */
  readonly isDiscovered: (namespace: string) => boolean;
  readonly metrics: CaMetrics;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Follows the certificate authority and tells everybody whom to believe. To be started when `settings` are synced. */
export async function followTrust(wiring: TrustOptions): Promise<Trust> {
  const { client, options, settings, namespaces, metrics, signal, log } = wiring;
  const { namespace, revision, ca } = options;
  const serverListeners: ((tls: ServerTls) => void)[] = [];
  const anchorListeners: (() => void)[] = [];
  /** Roots of others that signed; those of the mesh configuration come from there. */
  const otherRoots = new Set<string>();
  let longestLifetimeMs = ca.lifetimeMs.usual;
  const authorities = await followAuthorities({
    client,
    namespace,
    organization: () => settings.meshConfig().trustDomain,
    root: ca.root,
    rotation: ca.rotation,
    longestLifetimeMs: () => longestLifetimeMs,
    signal,
    log,
  });
  const { roots } = authorities.current();
  let rootPem = roots.join("");
  let anchors = roots;
  const meshAnchors = followMeshAnchors({ onChange: tell, signal, log });

  const serving = await keepServingCertificate({
    authority: () => authorities.current().signer,
    names: istiodNames({ namespace, revision, domain: options.domain }),
    onRenewed: setServing,
    signal,
    log,
  });
  let serverTls = withTrust(serving.first);

  const everywhere = {
    client,
    namespaces,
    includes: wiring.isDiscovered,
    signal,
    log,
  };
  const askForRoots = keepNamespaceConfigMap({
    ...everywhere,
    name: "istio-ca-root-cert",
    key: "root-cert.pem",
    text: () => rootPem,
  });
  const askForCrl = ca.tellsCrl
    ? keepNamespaceConfigMap({
        ...everywhere,
        name: "istio-ca-crl",
        key: "ca-crl.pem",
        text: () => authorities.current().crlPem,
      })
    : () => {};

  let signer = authorities.current().signer;
  authorities.onChange(() => {
    const before = signer;
    signer = authorities.current().signer;
    rootPem = authorities.current().roots.join("");
    if (signer !== before) serving.renew();
    setServing(serverTls);
    askForRoots();
    askForCrl();
    tell();
    measure();
  });
  settings.onChange((what) => {
    if (what !== "mesh") return;
    meshAnchors.set(settings.meshConfig().caCertificates);
    askForRoots();
    askForCrl();
  });
  meshAnchors.set(settings.meshConfig().caCertificates);
  tell();
  measure();

  function setServing({ cert, key }: ServingCertificate): void {
    serverTls = withTrust({ cert, key });
    for (const listener of serverListeners) listener(serverTls);
  }

  function withTrust(certificate: ServingCertificate): ServerTls {
    const { crlPem } = authorities.current();
    return { ...certificate, ca: rootPem, ...(crlPem === "" ? {} : { crl: crlPem }) };
  }

  function tell(): void {
    const next = [...new Set([...authorities.current().roots, ...meshAnchors.current(), ...otherRoots])];
    if (next.join() === anchors.join()) return;
    anchors = next;
    for (const listener of anchorListeners) listener();
  }

  function measure(): void {
    const { anchorPem, chainPem } = authorities.current().signer;
    metrics.ends(earliestEnd(readChain(anchorPem)), chainPem === "" ? undefined : earliestEnd(readChain(chainPem)));
  }

  return {
    signer: () => authorities.current().signer,
    rootPem: () => rootPem,
    anchors: () => anchors,
    serverTls: () => serverTls,
    onServerTls: (listener) => void serverListeners.push(listener),
    onAnchors: (listener) => void anchorListeners.push(listener),
    noteRoot(pem) {
      if (otherRoots.size >= maxOtherRoots) return;
      otherRoots.add(pem);
      tell();
    },
    noteLifetime(ms) {
      longestLifetimeMs = Math.max(longestLifetimeMs, ms);
    },
  };
}
