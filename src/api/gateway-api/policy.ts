import type { GatewayApiObject, ObjectReference, ResourceCondition } from "./object.ts";
import type { ParentReference } from "./route.ts";

export type ReferenceGrant = GatewayApiObject<{
  readonly from?: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  readonly to?: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
}>;

export interface PolicyTarget extends ObjectReference {
  readonly sectionName?: string;
}

export interface PolicyAncestorStatus {
  readonly ancestorRef: ParentReference;
  readonly controllerName: string;
  readonly conditions?: readonly ResourceCondition[];
}

export interface PolicyStatus {
  readonly ancestors?: readonly PolicyAncestorStatus[];
}

export interface BackendTLSValidation {
  readonly hostname: string;
  readonly caCertificateRefs?: readonly ObjectReference[];
  readonly wellKnownCACertificates?: string;
  readonly subjectAltNames?: readonly {
    readonly type: "Hostname" | "URI";
    readonly hostname?: string;
    readonly uri?: string;
  }[];
}

export type BackendTLSPolicy = GatewayApiObject<
  { readonly targetRefs?: readonly PolicyTarget[]; readonly validation: BackendTLSValidation },
  PolicyStatus
>;

/** Experimental: `XBackendTrafficPolicy`. */
export type BackendTrafficPolicy = GatewayApiObject<
  {
    readonly targetRefs?: readonly PolicyTarget[];
    readonly retryConstraint?: {
      readonly budget?: { readonly percent?: number };
      readonly minRetryRate?: { readonly count?: number };
    };
    readonly sessionPersistence?: unknown;
  },
  PolicyStatus
>;
