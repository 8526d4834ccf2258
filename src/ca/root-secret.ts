import type { Secret } from "kubernetes-types/core/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import { type Authority, authorityFrom, createSelfSignedRoot } from "./certificate.ts";

/** Istio's names: the root that istiod made itself, and the CA that the user plugged in. */
const ownSecret = "istio-ca-secret";
const pluggedSecret = "cacerts";

/**
 * The mesh's certificate authority: the user's from Secret `cacerts` where there is one, else istiod's own from `istio-ca-secret`,
 * which is made on the first start. Of several istiods that start at once, one wins and the others take its root.
 */
export async function loadAuthority(
  client: KubeClient,
  options: { readonly namespace: string; readonly trustDomain: string; readonly log: Log },
): Promise<Authority> {
  const { namespace, trustDomain, log } = options;
  const plugged = await client.find<Secret>(resourceTypes.secrets, { namespace, name: pluggedSecret });
  if (plugged) {
    log.info("using the plugged-in certificate authority", { secret: `${namespace}/${pluggedSecret}` });
    return authorityOf(plugged, namespace);
  }
  const existing = await client.find<Secret>(resourceTypes.secrets, { namespace, name: ownSecret });
  if (existing) return authorityOf(existing, namespace);
  const { certificatePem, keyPem } = await createSelfSignedRoot(trustDomain, new Date());
  try {
    await client.create<Secret>(resourceTypes.secrets, {
      metadata: { name: ownSecret, namespace },
      type: "istio.io/ca-root",
      data: {
        "ca-cert.pem": toBase64(certificatePem),
        "ca-key.pem": toBase64(keyPem),
        "cert-chain.pem": "",
        "key.pem": "",
        "root-cert.pem": "",
      },
    });
    log.info("made a root certificate", { secret: `${namespace}/${ownSecret}` });
    return authorityFrom({ certificate: certificatePem, key: keyPem });
  } catch (error) {
    if (!isKubeError(error, "AlreadyExists")) throw error;
    return authorityOf(await client.get<Secret>(resourceTypes.secrets, { namespace, name: ownSecret }), namespace);
  }
}

function authorityOf(secret: Secret, namespace: string): Authority {
  const read = (key: string): string => Buffer.from(secret.data?.[key] ?? "", "base64").toString("utf8");
  const name = secret.metadata?.name ?? "";
  // Besides Istio's own names, those of a kubernetes.io/tls secret are taken, as cert-manager writes them.
  const certificate = read("ca-cert.pem") || read("tls.crt");
  const key = read("ca-key.pem") || read("tls.key");
  if (!certificate || !key)
    throw new Error(`Secret ${namespace}/${name}: data must have ca-cert.pem and ca-key.pem; correct or delete it`);
  const chain = read("cert-chain.pem") || (name === pluggedSecret ? certificate : "");
  const root = read("root-cert.pem") || read("ca.crt");
  try {
    return authorityFrom({ certificate, key, chain, root });
  } catch (cause) {
    throw new Error(`Secret ${namespace}/${name} can't be used as certificate authority; correct or delete it`, {
      cause,
    });
  }
}

function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}
