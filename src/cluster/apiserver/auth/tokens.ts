import { createHash, type KeyObject } from "node:crypto";
import { calculateJwkThumbprint, exportJWK, type JWK, jwtVerify, SignJWT } from "jose";
import { authenticatedGroup, type UserInfo } from "./user.ts";

export interface BoundObject {
  readonly kind: "Pod" | "Secret" | "Node";
  readonly name: string;
  readonly uid: string;
}

interface AccountToken {
  readonly namespace: string;
  readonly account: string;
  readonly accountUid: string;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly bound?: BoundObject;
}

interface VerifiedToken {
  readonly user: UserInfo;
  readonly audiences: readonly string[];
}

/** Service account tokens: signed JWTs as Kubernetes makes them (`kubernetes.io` claim, issuer, audiences). */
export interface Tokens {
  readonly issuer: string;
  issue(token: AccountToken): Promise<{ token: string; expires: Date }>;
  /** Undefined when the token is not ours, expired, or what it is bound to is gone. */
  verify(token: string, audiences: readonly string[]): Promise<VerifiedToken | undefined>;
  jwks(): Promise<{ keys: JWK[] }>;
}

interface Claims {
  readonly namespace: string;
  readonly serviceaccount: { readonly name: string; readonly uid: string };
  readonly pod?: { readonly name: string; readonly uid: string };
  readonly secret?: { readonly name: string; readonly uid: string };
  readonly node?: { readonly name: string; readonly uid: string };
}

/** The uid of an object that tokens are bound to; undefined when it isn't there. */
export type UidOf = (
  resource: "serviceaccounts" | "pods" | "secrets" | "nodes",
  namespace: string,
  name: string,
) => string | undefined;

const remembered = 1024;

export function createTokens(
  keys: { privateKey: KeyObject; publicKey: KeyObject },
  issuer: string,
  uidOf: UidOf,
): Tokens {
  const algorithm = "ES256";
  const keyId = exportJWK(keys.publicKey).then((jwk) => calculateJwkThumbprint(jwk));
  /** Signatures found good, by the token's hash: the claims, and when they end (ms). */
  const known = new Map<string, { claims: Claims; audiences: string[]; ends: number; id: string }>();

  async function claimsOf(token: string) {
    const hash = createHash("sha256").update(token).digest("base64");
    const found = known.get(hash);
    if (found) return found;
    const { payload } = await jwtVerify(token, keys.publicKey, { issuer, algorithms: [algorithm] });
    const entry = {
      claims: payload["kubernetes.io"] as Claims,
      audiences: [payload.aud ?? []].flat(),
      ends: (payload.exp ?? 0) * 1000,
      id: payload.jti ?? "",
    };
    if (known.size >= remembered) known.delete(known.keys().next().value ?? "");
    known.set(hash, entry);
    return entry;
  }

  return {
    issuer,
    async issue({ namespace, account, accountUid, audiences, expirationSeconds, bound }) {
      const now = Math.floor(Date.now() / 1000);
      const claims: Claims = {
        namespace,
        serviceaccount: { name: account, uid: accountUid },
        ...(bound ? { [bound.kind.toLowerCase()]: { name: bound.name, uid: bound.uid } } : {}),
      };
      const token = await new SignJWT({ "kubernetes.io": claims })
        .setProtectedHeader({ alg: algorithm, kid: await keyId })
        .setIssuer(issuer)
        .setSubject(`system:serviceaccount:${namespace}:${account}`)
        .setAudience([...audiences])
        .setIssuedAt(now)
        .setNotBefore(now)
        .setExpirationTime(now + expirationSeconds)
        .setJti(crypto.randomUUID())
        .sign(keys.privateKey);
      return { token, expires: new Date((now + expirationSeconds) * 1000) };
    },
    async verify(token, audiences) {
      if (token.length > 16_384) return undefined;
      let entry: Awaited<ReturnType<typeof claimsOf>>;
      try {
        entry = await claimsOf(token);
      } catch {
        return undefined;
      }
      if (entry.ends <= Date.now() || !entry.claims) return undefined;
      const matching = audiences.filter((audience) => entry.audiences.includes(audience));
      if (matching.length === 0) return undefined;
      const { namespace, serviceaccount, pod, secret, node } = entry.claims;
      if (uidOf("serviceaccounts", namespace, serviceaccount.name) !== serviceaccount.uid) return undefined;
      if (pod && uidOf("pods", namespace, pod.name) !== pod.uid) return undefined;
      if (secret && uidOf("secrets", namespace, secret.name) !== secret.uid) return undefined;
      if (node && !pod && uidOf("nodes", "", node.name) !== node.uid) return undefined;
      return {
        audiences: matching,
        user: {
          username: `system:serviceaccount:${namespace}:${serviceaccount.name}`,
          uid: serviceaccount.uid,
          groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, authenticatedGroup],
          extra: {
            "authentication.kubernetes.io/credential-id": [`JTI=${entry.id}`],
            ...(pod
              ? {
                  "authentication.kubernetes.io/pod-name": [pod.name],
                  "authentication.kubernetes.io/pod-uid": [pod.uid],
                }
              : {}),
          },
        },
      };
    },
    async jwks() {
      return { keys: [{ ...(await exportJWK(keys.publicKey)), use: "sig", kid: await keyId, alg: algorithm }] };
    },
  };
}
