import type { JWTRule } from "#api/istio/request-authentication.ts";
import { isWebUrl } from "#model/web-url.ts";

/** Where the keys of a rule are read. */
export interface KeySource {
  readonly url: string;
  /** At `url` are the keys themselves, or what OpenID Connect discovery says of an issuer, among it where the keys are. */
  readonly kind: "keys" | "discovery";
}

/** One text for each source. */
export function sourceId({ url, kind }: KeySource): string {
  return `${kind} ${url}`;
}

/** The source of a rule's keys: what it names, else what its issuer does. OpenID Connect Discovery 1.0 §4. */
export function keySourceOf({ issuer = "", jwksUri, jwks_uri = jwksUri }: JWTRule): KeySource | undefined {
  if (jwks_uri) return { url: jwks_uri, kind: "keys" };
  if (!isWebUrl(issuer)) return undefined;
  return { url: `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, kind: "discovery" };
}
