import type { IstioObject } from "./object.ts";
import type { PolicyAttachment } from "./policy-attachment.ts";

export type AuthorizationPolicy = IstioObject<AuthorizationPolicySpec>;

export type AuthorizationAction = "ALLOW" | "DENY" | "AUDIT" | "CUSTOM";

/** Istio: security/v1 AuthorizationPolicy. */
export interface AuthorizationPolicySpec extends PolicyAttachment {
  /** A request matches the policy if it matches one of them: none without any. */
  readonly rules?: readonly AuthorizationRule[];
  /** ALLOW unless set. */
  readonly action?: AuthorizationAction;
  /** An extension provider of the mesh config, for CUSTOM. */
  readonly provider?: { readonly name?: string };
}

/** All parts that are there must hold; a part holds if one item of its list does. */
export interface AuthorizationRule {
  readonly from?: readonly { readonly source?: AuthorizationSource }[];
  readonly to?: readonly { readonly operation?: AuthorizationOperation }[];
  /** These must all hold. */
  readonly when?: readonly AuthorizationCondition[];
}

export interface AuthorizationSource {
  readonly principals?: readonly string[];
  readonly notPrincipals?: readonly string[];
  readonly requestPrincipals?: readonly string[];
  readonly notRequestPrincipals?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly notNamespaces?: readonly string[];
  readonly serviceAccounts?: readonly string[];
  readonly notServiceAccounts?: readonly string[];
  readonly ipBlocks?: readonly string[];
  readonly notIpBlocks?: readonly string[];
  readonly remoteIpBlocks?: readonly string[];
  readonly notRemoteIpBlocks?: readonly string[];
  readonly trustDomains?: readonly string[];
  readonly notTrustDomains?: readonly string[];
}

export interface AuthorizationOperation {
  readonly hosts?: readonly string[];
  readonly notHosts?: readonly string[];
  readonly ports?: readonly string[];
  readonly notPorts?: readonly string[];
  readonly methods?: readonly string[];
  readonly notMethods?: readonly string[];
  readonly paths?: readonly string[];
  readonly notPaths?: readonly string[];
}

export interface AuthorizationCondition {
  readonly key: string;
  readonly values?: readonly string[];
  readonly notValues?: readonly string[];
}
