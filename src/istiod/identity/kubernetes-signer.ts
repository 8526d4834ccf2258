import { randomBytes, type X509Certificate } from "node:crypto";
import type { CertificateSigningRequest } from "kubernetes-types/certificates/v1.d.ts";
import { isIssuedBy, pemOf } from "#ca/certificate.ts";
import type { KubeClient } from "#kube/client.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import type { CaCertificate } from "#model/mesh-config.ts";
import { readChain } from "#x509/chain.ts";
import type { CertificateRequest } from "#x509/request.ts";
import type { ExternalSigner } from "./ca-options.ts";

/** Has workloads' certificates signed by others. */
export interface KubernetesSigner {
  /** Rejects with an Error in words for the caller. */
  sign(order: SigningOrder): Promise<SignedChain>;
}

interface SigningOrder {
  /** PEM, and what is in it. */
  readonly csr: string;
  readonly request: CertificateRequest;
  /** The only name that it may have. */
  readonly uri: string;
  readonly lifetimeMs: number;
  /** What the workload wants its certificate to be signed by; "" for the usual one. */
  readonly certSigner: string;
}

interface SignedChain {
  /** Leaf and what is between it and the root, PEM. */
  readonly chain: readonly string[];
  readonly root: string;
}

export interface KubernetesSignerOptions {
  readonly client: KubeClient;
  readonly signer: ExternalSigner;
  /** Of the mesh configuration. */
  readonly caCertificates: () => readonly CaCertificate[];
  readonly log: Log;
  /** How long a signer may take, ms. */
  readonly patienceMs?: number;
}

const type = resourceTypes.certificateSigningRequests;
const usages = ["digital signature", "key encipherment", "server auth", "client auth"];
/** cert-manager takes a lifetime from here. */
const lifetimeAnnotation = "experimental.cert-manager.io/request-duration";
/** Kubernetes refuses less, s. */
const shortestSeconds = 600;
const maxAtOnce = 200;

/**
 * Signs by way of CertificateSigningRequests, which istiod approves: it has seen who asks, and that nothing else is asked for. What
 * comes back is checked before it is passed on. Istio: KubernetesRA.
 */
export function createKubernetesSigner(options: KubernetesSignerOptions): KubernetesSigner {
  const { client, signer, caCertificates, log, patienceMs = 30_000 } = options;
  let running = 0;

  function signerName(certSigner: string): string {
    if (certSigner === "") {
      if (signer.usual === "") throw new Error("name a signer in the metadata (CertSigner): istiod has no K8S_SIGNER");
      return signer.usual;
    }
    if (signer.domain === "") throw new Error("signers can't be chosen: istiod has no CERT_SIGNER_DOMAIN");
    if (!/^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$/.test(certSigner))
      throw new Error(`CertSigner: ${JSON.stringify(certSigner.slice(0, 100))} is not a name`);
    return `${signer.domain}/${certSigner}`;
  }

  async function order({ csr, lifetimeMs }: SigningOrder, name: string, signedBy: string): Promise<string> {
    const seconds = Math.max(shortestSeconds, Math.round(lifetimeMs / 1000));
    const made = await client.create<CertificateSigningRequest>(type, {
      metadata: { name, annotations: { [lifetimeAnnotation]: `${Math.round(lifetimeMs / 1000)}s` } },
      spec: {
        request: Buffer.from(csr).toString("base64"),
        signerName: signedBy,
        expirationSeconds: seconds,
        usages,
      },
    });
    const approved = {
      type: "Approved",
      status: "True",
      reason: "WorkloadIdentity",
      message: "istiod has checked the workload's identity",
    };
    const after = await client.update<CertificateSigningRequest>(
      type,
      { ...made, status: { conditions: [approved] } },
      "approval",
    );
    return await certificateOf(name, after);
  }

  /** Waits for the signer. */
  async function certificateOf(name: string, latest: CertificateSigningRequest): Promise<string> {
    const resourceVersion = latest.metadata?.resourceVersion ?? "";
    const signal = AbortSignal.timeout(patienceMs);
    const selection = { fieldSelector: `metadata.name=${name}`, resourceVersion, signal };
    try {
      for await (const { object } of client.watch<CertificateSigningRequest>(type, selection)) {
        const { certificate, conditions = [] } = object.status ?? {};
        if (certificate) return Buffer.from(certificate, "base64").toString("utf8");
        const failure = conditions.find(({ type: kind }) => kind === "Failed" || kind === "Denied");
        if (failure) throw new Error(`the signer refused: ${failure.reason ?? failure.type} ${failure.message ?? ""}`);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    throw new Error(`the signer ${latest.spec.signerName} didn't sign within ${patienceMs / 1000} s; does it run?`);
  }

  function check(pem: string, { request, uri }: SigningOrder, signedBy: string): SignedChain {
    const certificates = readChain(pem);
    const [leaf, ...others] = certificates;
    if (leaf === undefined) throw new Error(`the signer ${signedBy} gave no certificate`);
    if (leaf.subjectAltName !== `URI:${uri}` || leaf.ca || !leaf.publicKey.equals(request.publicKey))
      throw new Error(`the signer ${signedBy} gave another certificate than the one that was asked for`);
    const configured = caCertificates()
      .filter(({ certSigners = [] }) => certSigners.includes(signedBy))
      .flatMap(({ pem: text = "" }) => readChain(text));
    const roots = configured.length > 0 ? configured : others.filter((other) => other.checkIssued(other));
    const chain: X509Certificate[] = [];
    for (let top = leaf; ; ) {
      chain.push(top);
      const root = roots.find((candidate) => isIssuedBy(top, candidate));
      if (root !== undefined) return { chain: chain.map(pemOf), root: pemOf(root) };
      const next = others.find((other) => !chain.includes(other) && isIssuedBy(top, other));
      if (next === undefined)
        throw new Error(
          `what the signer ${signedBy} gave leads to no root; add the root to caCertificates of the mesh configuration, with certSigners: [${signedBy}]`,
        );
      top = next;
    }
  }

  return {
    async sign(wanted) {
      const others = wanted.request.names.filter((name) => name !== `URI:${wanted.uri}`);
      if (wanted.request.names.length !== 1 || others.length > 0)
        throw new Error(`the certificate request must have the one name ${wanted.uri}, as others sign what it says`);
      const signedBy = signerName(wanted.certSigner);
      if (running >= maxAtOnce) throw new Error("too many certificates are being signed; try again");
      running += 1;
      const name = `csr-workload-${randomBytes(9).toString("hex")}`;
      try {
        return check(await order(wanted, name, signedBy), wanted, signedBy);
      } finally {
        running -= 1;
        client.delete(type, { name }).catch((error: unknown) => log.debug("can't remove a request", { name, error }));
      }
    },
  };
}
