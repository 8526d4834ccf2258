import type { CertificateSigningRequest } from "kubernetes-types/certificates/v1.d.ts";
import type { Attributes } from "../auth/authorizer.ts";
import type { Core } from "../core.ts";
import { readObject, type Target } from "./read.ts";
import type { ApiRequest } from "./request.ts";

/**
 * What somebody must be allowed besides, to approve a request for the signer that it names, or to sign in that one's name (Kubernetes:
 * the admission plugins CertificateApproval and CertificateSigning): the verb on `signers`, by name or for the signer's whole domain.
 */
export function signerAttributes(
  core: Core,
  { user }: ApiRequest,
  target: Target,
  verb: "approve" | "sign",
): Attributes {
  const { spec } = readObject(core, target) as unknown as CertificateSigningRequest;
  const [domain = ""] = spec.signerName.split("/");
  const attributes = { verb, group: "certificates.k8s.io", resource: "signers" };
  const ofDomain = { ...attributes, name: `${domain}/*` };
  return core.authorizer.allows(user, ofDomain) ? ofDomain : { ...attributes, name: spec.signerName };
}
