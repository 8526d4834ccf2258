import type { IstioObject } from "./object.ts";
import type { PolicyAttachment } from "./policy-attachment.ts";

export type RequestAuthentication = IstioObject<RequestAuthenticationSpec>;

/** Istio: security/v1 RequestAuthentication. */
export interface RequestAuthenticationSpec extends PolicyAttachment {
  readonly jwtRules?: readonly JWTRule[];
}

export interface JWTRule {
  /** Any issuer if it is left out, which only goes with `jwksUri`. */
  readonly issuer?: string;
  readonly audiences?: readonly string[];
  /** Where the keys are read; by OpenID Connect discovery of the issuer if neither this nor `jwks` is set. */
  readonly jwksUri?: string;
  /** Old spelling of `jwksUri`. */
  readonly jwks_uri?: string;
  /** The keys themselves (RFC 7517). */
  readonly jwks?: string;
  readonly fromHeaders?: readonly { readonly name: string; readonly prefix?: string }[];
  readonly fromParams?: readonly string[];
  readonly fromCookies?: readonly string[];
  /** Header that gets the claims, in base64url. */
  readonly outputPayloadToHeader?: string;
  readonly outputClaimToHeaders?: readonly { readonly header: string; readonly claim: string }[];
  readonly forwardOriginalToken?: boolean;
  /** For reading the keys: 5 s unless set. */
  readonly timeout?: string;
  /** Claims that are lists of words, besides `scope` and `permission`. */
  readonly spaceDelimitedClaims?: readonly string[];
  /** Whether a request without such a token is refused: OPTIONAL unless set. */
  readonly presence?: "OPTIONAL" | "REQUIRED";
}
