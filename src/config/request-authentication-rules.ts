import { isIP } from "node:net";
import type { JWTRule, RequestAuthenticationSpec } from "#api/istio/request-authentication.ts";
import { isWebUrl } from "#model/web-url.ts";
import { isHeaderName } from "./header-rules.ts";
import { isDnsName } from "./host-rules.ts";
import { readKeySet } from "./key-set.ts";
import { checkPolicyAttachment } from "./policy-attachment-rules.ts";
import type { Report } from "./report.ts";

/** Istio: ValidateRequestAuthentication. */
export function checkRequestAuthentication(spec: RequestAuthenticationSpec, report: Report): void {
  checkPolicyAttachment(spec, report);
  spec.jwtRules?.forEach((rule, index) => checkRule(rule, `spec.jwtRules[${index}]`, report));
}

function checkRule(rule: JWTRule, field: string, report: Report): void {
  const { issuer, jwks } = rule;
  const uris = (["jwksUri", "jwks_uri"] as const).filter((name) => rule[name] !== undefined);
  if (uris.length + (jwks === undefined ? 0 : 1) > 1) report.error(field, "only one of jwks and jwksUri can be set");
  if (!issuer && uris.length === 0) report.error(field, "needs an issuer or a jwksUri");
  for (const name of uris) {
    const uri = rule[name] ?? "";
    if (!isWebUrl(uri)) report.error(`${field}.${name}`, "must be a URL that begins with http:// or https://", uri);
    else if (!isHost(new URL(uri).hostname)) report.error(`${field}.${name}`, "must have a host's name in it", uri);
  }
  if (jwks !== undefined && jwks !== "") checkKeys(jwks, `${field}.jwks`, report);
  else if (uris.length === 0 && issuer && !isWebUrl(issuer)) {
    const next = "its keys can't be discovered, so no token is valid: set jwksUri or jwks";
    report.warning(`${field}.issuer`, `isn't a URL; ${next}`, issuer);
  }
  rule.fromHeaders?.forEach(({ name, prefix = "" }, index) => {
    const at = `${field}.fromHeaders[${index}]`;
    if (!isHeaderName(name)) report.error(`${at}.name`, "is not a header name", name);
    if (/[\0\r\n]/.test(prefix)) report.error(`${at}.prefix`, "can't be in a header", prefix);
  });
  const { outputPayloadToHeader: payload } = rule;
  if (payload && !isHeaderName(payload))
    report.error(`${field}.outputPayloadToHeader`, "is not a header name", payload);
}

function isHost(name: string): boolean {
  return isDnsName(name) || isIP(name.replace(/^\[|\]$/g, "")) !== 0;
}

function checkKeys(jwks: string, field: string, report: Report): void {
  const keys = readKeySet(jwks);
  if (typeof keys === "string") return report.error(field, `must be a JSON Web Key Set, but it ${keys}`);
  // Not the value: it is a secret that was put where it can be read.
  if (keys.isPrivate) report.warning(field, "has private keys: everybody who can read it can sign tokens");
  if (keys.isWeak) report.warning(field, "has an RSA key of less than 2048 bits, which is too weak (RFC 7518)");
}
