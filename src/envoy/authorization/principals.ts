import type { MessageInitShape } from "@bufbuild/protobuf";
import { RE2JS } from "re2js";
import type { Principal, PrincipalSchema } from "#api/envoy/gen/envoy/config/rbac/v3/rbac_pb.js";
import { aliasesOf, principalsOfAliases } from "#model/trust-domain.ts";
import { claimAt, oneOrListed } from "../filters/claim-match.ts";
import type { Matcher } from "../routes/string-match.ts";
import { each, type Logic, type Say } from "./conjunction.ts";
import {
  anyText,
  anyValue,
  exactMatch,
  headerMatch,
  inlineHeaderMatch,
  patternRegex,
  prefixMatch,
  rangeOf,
  regexMatch,
  suffixMatch,
  textMatch,
  textValue,
  type ValueMatch,
} from "./value-match.ts";

export type PrincipalInit = Exclude<MessageInitShape<typeof PrincipalSchema>, Principal>;

export const principals: Logic<PrincipalInit> = {
  any: { identifier: { case: "any", value: true } },
  and: (ids) => ({ identifier: { case: "andIds", value: { ids: [...ids] } } }),
  or: (ids) => ({ identifier: { case: "orIds", value: { ids: [...ids] } } }),
  not: (value) => ({ identifier: { case: "notId", value } }),
};

/** Where a policy is from, and what the mesh calls itself: the first is its trust domain, then its aliases. */
export interface PolicyOrigin {
  readonly namespace: string;
  readonly trustDomains: readonly string[];
}

/** The peer's certificate has such a name. Without mutual TLS there is none. */
function authenticated(principalName: Matcher): PrincipalInit {
  return { identifier: { case: "authenticated", value: { principalName } } };
}

export function sourcePrincipal({ trustDomains }: PolicyOrigin): Say<PrincipalInit> {
  const say = each(principals, (value) => authenticated(textMatch(value, "spiffe://")));
  return (values) => say(principalsOfAliases(values, trustDomains));
}

export const sourceNamespace: Say<PrincipalInit> = each(principals, (value) =>
  authenticated(regexMatch(`.*/ns/${patternRegex(value, ".*")}/.*`)),
);

/** `[NAMESPACE/]ACCOUNT`. Other parts may stand between those that Istio's identities have. */
export function sourceServiceAccount({ namespace }: PolicyOrigin): Say<PrincipalInit> {
  return each(principals, (value) => {
    const slash = value.indexOf("/");
    const [of, account] = slash < 0 ? [namespace, value] : [value.slice(0, slash), value.slice(slash + 1)];
    return authenticated(regexMatch(`spiffe://.+/ns/${RE2JS.quote(of)}/(.+/|)sa/${RE2JS.quote(account)}(/.+)?`));
  });
}

export function sourceTrustDomain({ trustDomains }: PolicyOrigin): Say<PrincipalInit> {
  const say = each(principals, (value) =>
    authenticated(
      value.includes("*")
        ? regexMatch(`spiffe://${patternRegex(value, "[^/]*")}/.*`)
        : prefixMatch(`spiffe://${value}/`),
    ),
  );
  return (values) => say(aliasesOf(values, trustDomains));
}

/** The address that the connection is from. */
export const sourceIp: Say<PrincipalInit> = each(principals, (text) => {
  const value = rangeOf(text);
  return value && { identifier: { case: "directRemoteIp", value } };
});

/** The address of the client, as trusted proxies before this one tell it. */
export const remoteIp: Say<PrincipalInit> = each(principals, (text) => {
  const value = rangeOf(text);
  return value && { identifier: { case: "remoteIp", value } };
});

/** A claim of the token that was accepted. */
function claim(path: readonly string[], value: ValueMatch): PrincipalInit {
  return { identifier: { case: "metadata", value: claimAt(path, value) } };
}

/** A claim, or one item of it if it is a list. */
function claimOrItem(path: readonly string[]): Say<PrincipalInit> {
  return (values) => {
    const value = anyValue(values.map((pattern) => textValue(textMatch(pattern))));
    return claim(path, oneOrListed(value));
  };
}

/** `ISSUER/SUBJECT` of the token. Only the subject has no slash, as issuers are URLs. */
export const requestPrincipal: Say<PrincipalInit> = (values) => {
  const some = values.map((value) => {
    const [issuer, subject] = issuerAndSubject(value);
    return principals.and([claim(["iss"], textValue(issuer)), claim(["sub"], textValue(subject))]);
  });
  const [only, ...others] = some;
  return only !== undefined && others.length === 0 ? only : principals.or(some);
};

function issuerAndSubject(value: string): readonly [issuer: Matcher, subject: Matcher] {
  const slash = value.lastIndexOf("/");
  const [issuer, subject] = slash < 0 ? [value, ""] : [value.slice(0, slash), value.slice(slash + 1)];
  if (value === "*") return [anyText, anyText];
  if (value.startsWith("*")) {
    if (slash < 0) return [anyText, suffixMatch(value.slice(1))];
    return [issuer === "*" ? anyText : suffixMatch(issuer.slice(1)), exactMatch(subject)];
  }
  if (value.endsWith("*")) {
    if (slash < 0) return [prefixMatch(value.slice(0, -1)), anyText];
    return [exactMatch(issuer), subject === "*" ? anyText : prefixMatch(subject.slice(0, -1))];
  }
  return [exactMatch(issuer), exactMatch(subject)];
}

type Attribute = { readonly say: Say<PrincipalInit>; readonly ofRequest: boolean };

/** Of the keys of conditions, those that say who calls, and whether only requests have it; undefined for any other. */
export function principalAttribute(key: string, origin: PolicyOrigin): Attribute | undefined {
  switch (key) {
    case "source.ip":
      return { say: sourceIp, ofRequest: false };
    case "remote.ip":
      return { say: remoteIp, ofRequest: false };
    case "source.namespace":
      return { say: sourceNamespace, ofRequest: false };
    case "source.serviceAccount":
      return { say: sourceServiceAccount(origin), ofRequest: false };
    case "source.principal":
      return { say: sourcePrincipal(origin), ofRequest: false };
    case "source.trustDomain":
      return { say: sourceTrustDomain(origin), ofRequest: false };
    case "request.auth.principal":
      return { say: requestPrincipal, ofRequest: true };
    case "request.auth.audiences":
      return { say: claimOrItem(["aud"]), ofRequest: true };
    case "request.auth.presenter":
      return { say: claimOrItem(["azp"]), ofRequest: true };
    default:
      return keyed(key);
  }
}

/** Keys with a name in brackets. */
function keyed(key: string): Attribute | undefined {
  const [, kind, names = ""] = /^([a-zA-Z.]+)\[(.+)\]$/s.exec(key) ?? [];
  switch (kind) {
    case "request.headers":
      return { say: each(principals, (value) => header(headerMatch(names, value))), ofRequest: true };
    case "request.experimental.inline.headers":
      return { say: each(principals, (value) => header(inlineHeaderMatch(names, value))), ofRequest: true };
    case "request.auth.claims":
      return { say: claimOrItem(names.split("][")), ofRequest: true };
    default:
      return undefined;
  }
}

function header(value: ReturnType<typeof headerMatch>): PrincipalInit {
  return { identifier: { case: "header", value } };
}
