import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { Token } from "./request.ts";

/** Signs tokens, good and bad ones. */
export interface TokenIssuer {
  /** The key set (RFC 7517) that good tokens are checked with. */
  readonly jwks: string;
  sign(token: Token): Promise<string>;
}

export async function createTokenIssuer(): Promise<TokenIssuer> {
  const [own, another] = await Promise.all([generateKeyPair("ES256"), generateKeyPair("ES256")]);
  const jwks = JSON.stringify({
    keys: [{ ...(await exportJWK(own.publicKey)), kid: "one", alg: "ES256", use: "sig" }],
  });
  const known = new Map<string, Promise<string>>();
  const make = ({ claims, state }: Token): Promise<string> => {
    const now = Math.floor(Date.now() / 1000);
    // Envoy tolerates a clock that is a minute off.
    const jwt = new SignJWT({ ...claims }).setExpirationTime(state === "expired" ? now - 3_600 : now + 3_600);
    return jwt
      .setProtectedHeader({ alg: "ES256", kid: "one" })
      .sign(state === "forged" ? another.privateKey : own.privateKey);
  };
  return {
    jwks,
    sign(token) {
      const key = JSON.stringify(token);
      const signed = known.get(key) ?? make(token);
      known.set(key, signed);
      return signed;
    },
  };
}
