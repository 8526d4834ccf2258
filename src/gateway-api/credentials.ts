import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Secret } from "kubernetes-types/core/v1.d.ts";
import type { ObjectReference } from "#api/gateway-api/object.ts";
import { memo } from "#model/memo.ts";
import type { ConditionError } from "./conditions.ts";
import type { GatewayApiInput } from "./input.ts";
import type { Grants } from "./reference-grants.ts";

/** The resource that refers to a certificate. */
export interface CertificateUser {
  readonly kind: string;
  readonly namespace: string;
}

/** The name under which proxies ask for a credential, or why there is none. */
export type Credential = { readonly name: string } | { readonly error: ConditionError };

type Certificates = Pick<GatewayApiInput, "secrets" | "configMaps">;

const gatewayGroup = "gateway.networking.k8s.io";

/** Istio's names of credentials: a Secret for gateways, a ConfigMap. */
function secretCredential(namespace: string, name: string): string {
  return `kubernetes-gateway://${namespace}/${name}`;
}

export function configMapCredential(namespace: string, name: string): string {
  return `configmap://${namespace}/${name}`;
}

/** A Secret with a certificate and its key. Istio: buildSecretReference. */
export function serverCertificate(
  reference: ObjectReference,
  user: CertificateUser,
  input: Certificates,
  grants: Grants,
): Credential {
  const { group = "", kind = "Secret", name, namespace = user.namespace } = reference;
  const told = `${group}/${kind}/${name}.${reference.namespace ?? ""}`;
  const invalid = (why: string): Credential => ({
    error: { reason: "InvalidCertificateRef", message: `invalid certificate reference ${told}, ${why}` },
  });
  if (group !== "" || kind !== "Secret") return invalid("only secret is allowed");
  const refused = notGranted("certificateRef", { kind, name, namespace }, user, grants);
  const secret = input.secrets.get(`${namespace}/${name}`);
  if (secret === undefined) return refused ?? invalid(`secret ${namespace}/${name} not found`);
  const { wrong } = keyPair(secret);
  return refused ?? (wrong === undefined ? { name: secretCredential(namespace, name) } : invalid(wrong));
}

/** What clients' certificates are checked with: a ConfigMap or Secret with `ca.crt`. */
export function clientAuthority(
  reference: ObjectReference,
  user: CertificateUser,
  input: Certificates,
  grants: Grants,
): Credential {
  const { group = "", kind = "ConfigMap", name, namespace = user.namespace } = reference;
  const invalid = (reason: string, why: string): Credential => ({
    error: { reason, message: `invalid CA certificate reference ${group}/${kind}/${name}.${namespace}, ${why}` },
  });
  if (group !== "" || (kind !== "ConfigMap" && kind !== "Secret"))
    return invalid("InvalidCACertificateKind", "only secret and configmap are allowed");
  const refused = notGranted("caCertificateRef", { kind, name, namespace }, user, grants);
  if (refused !== undefined) return refused;
  const key = `${namespace}/${name}`;
  const data = kind === "ConfigMap" ? input.configMaps.get(key)?.data : decoded(input.secrets.get(key)?.data);
  if (data === undefined) return invalid("InvalidCACertificateRef", `${kind.toLowerCase()} ${key} not found`);
  const wrong = authorityError(data);
  if (wrong !== undefined) return invalid("InvalidCACertificateRef", wrong);
  return { name: kind === "ConfigMap" ? configMapCredential(namespace, name) : secretCredential(namespace, name) };
}

/** What is wrong with the authorities in the data of a ConfigMap; undefined when nothing is. */
export function authorityError(data: Readonly<Record<string, string>>): string | undefined {
  const pem = data["ca.crt"] ?? data["cacert"];
  if (pem === undefined)
    return `found secret, but didn't have expected keys cacert or ca.crt; found: ${Object.keys(data).sort().join(", ")}`;
  try {
    return new X509Certificate(pem).raw.length > 0 ? undefined : "the certificate is empty";
  } catch {
    return "the certificate is malformed";
  }
}

function notGranted(
  field: string,
  to: { readonly kind: string; readonly name: string; readonly namespace: string },
  user: CertificateUser,
  grants: Grants,
): { readonly error: ConditionError } | undefined {
  if (to.namespace === user.namespace) return undefined;
  if (grants({ group: gatewayGroup, ...user }, { group: "", ...to })) return undefined;
  const place = `a Gateway in namespace "${user.namespace}"`;
  return {
    error: {
      reason: "RefNotPermitted",
      message: `${field} ${to.name}/${to.namespace} not accessible to ${place} (missing a ReferenceGrant?)`,
    },
  };
}

/** Remembered, as parsing keys costs more than all the rest of a conversion. */
const keyPair = memo(({ data = {} }: Secret) => ({
  wrong: keyPairError(text(data["tls.crt"] ?? data["cert"]), text(data["tls.key"] ?? data["key"])),
}));

function keyPairError(certificate: string | undefined, key: string | undefined): string | undefined {
  if (certificate === undefined || key === undefined)
    return "found secret, but didn't have expected keys tls.crt and tls.key";
  try {
    if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return undefined;
    return "the certificate is malformed: the private key is not of this certificate";
  } catch (error) {
    return `the certificate is malformed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function text(base64: string | undefined): string | undefined {
  return base64 === undefined ? undefined : Buffer.from(base64, "base64").toString("utf8");
}

function decoded(data: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined {
  return data && Object.fromEntries(Object.entries(data).map(([key, value]) => [key, text(value) ?? ""]));
}
