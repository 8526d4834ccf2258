import { createPublicKey } from "node:crypto";

/** A JSON Web Key Set (RFC 7517) that tokens' signatures can be checked with. */
export interface KeySet {
  /** The set as Envoy takes it: only keys that it can use, and of these only what checking needs. */
  readonly text: string;
  /** Whether keys in it have parts that only who signs should have. */
  readonly isPrivate: boolean;
  /** Whether it has RSA keys shorter than RFC 7518 §3.3 asks for. */
  readonly isWeak: boolean;
}

type Key = Readonly<Record<string, unknown>>;

const maxKeys = 100;
/** Every filter that checks with the set has it in its configuration (characters). */
const maxText = 128 * 1024;
/** Members that tell keys apart, and those that make up each type of key. */
const named = ["kty", "kid", "alg", "use"];
const members: Readonly<Record<string, readonly string[]>> = {
  RSA: ["n", "e"],
  EC: ["crv", "x", "y"],
  OKP: ["crv", "x"],
  oct: ["k"],
};
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth"];
const algorithms: Readonly<Record<string, RegExp>> = {
  RSA: /^(RS|PS)/,
  EC: /^ES(256|384|512)$/,
  OKP: /^EdDSA$/,
  oct: /^HS(256|384|512)$/,
};
const curves: Readonly<Record<string, string>> = { "P-256": "ES256", "P-384": "ES384", "P-521": "ES512" };

/** Longer numbers aren't looked at (characters). */
const maxNumber = 8192;
/** Bits of RSA keys: shorter ones can be broken by anybody, longer ones Envoy refuses. */
const shortestRsa = 1024;
const shortestGoodRsa = 2048;
const longestRsa = 16_384;

/**
 * Reads a key set, or one key alone; says what is wrong if Envoy couldn't use any key of it. Envoy refuses a whole listener over a set
 * without a key that it can use, so nothing else may reach it.
 */
export function readKeySet(text: string): KeySet | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return "is not JSON";
  }
  if (!isObject(parsed)) return "is not a JSON object";
  const { keys = parsed["kty"] === undefined ? undefined : [parsed] } = parsed;
  if (!Array.isArray(keys)) return "has no list `keys`";
  if (keys.length > maxKeys) return `has more than ${maxKeys} keys`;
  const usable = keys.filter((key): key is Key => isObject(key) && isUsable(key));
  if (usable.length === 0) return "has no key that signatures can be checked with (RSA, EC, Ed25519 or oct)";
  const written = JSON.stringify({ keys: usable.map(reduced) });
  if (written.length > maxText) return `is longer than ${maxText} characters`;
  return {
    text: written,
    isPrivate: usable.some((key) => key["kty"] !== "oct" && privateMembers.some((name) => key[name] !== undefined)),
    isWeak: usable.some((key) => key["kty"] === "RSA" && modulusBits(key) < shortestGoodRsa),
  };
}

function isObject(value: unknown): value is Key {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function reduced(key: Key): Key {
  const kept = [...named, ...(members[String(key["kty"])] ?? [])];
  return Object.fromEntries(kept.flatMap((name) => (typeof key[name] === "string" ? [[name, key[name]]] : [])));
}

/** As Envoy's library sees it. */
function isUsable(key: Key): boolean {
  const type = String(key["kty"]);
  const needed = members[type];
  if (needed === undefined || !Object.hasOwn(members, type)) return false;
  if (!needed.every((name) => typeof key[name] === "string" && (name === "crv" || isBase64Url(key[name]))))
    return false;
  // Envoy's JSON parser refuses half of a surrogate pair.
  if (named.some((name) => typeof key[name] === "string" && !key[name].isWellFormed())) return false;
  const algorithm = key["alg"];
  if (typeof algorithm === "string" && !algorithms[type]?.test(algorithm)) return false;
  if (type === "oct") return true;
  if (type === "EC") {
    const ownAlgorithm = curves[String(key["crv"])];
    if (ownAlgorithm === undefined || (typeof algorithm === "string" && algorithm !== ownAlgorithm)) return false;
  }
  if (type === "OKP" && key["crv"] !== "Ed25519") return false;
  if (type === "RSA") {
    const bits = modulusBits(key);
    if (!isExponent(String(key["e"])) || bits < shortestRsa || bits > longestRsa) return false;
  }
  return isKey(key);
}

/** RFC 4648 §5, with padding or without. */
function isBase64Url(text: string): boolean {
  if (text.length > maxNumber || !/^[A-Za-z0-9_-]+={0,2}$/.test(text)) return false;
  return text.endsWith("=") ? text.length % 4 === 0 : text.length % 4 !== 1;
}

/** Envoy takes these two alone. */
function isExponent(text: string): boolean {
  const value = BigInt(`0x0${Buffer.from(text, "base64url").toString("hex")}`);
  return value === 3n || value === 65_537n;
}

function modulusBits(key: Key): number {
  return BigInt(`0x0${Buffer.from(String(key["n"]), "base64url").toString("hex")}`).toString(2).length;
}

/** Whether the numbers are those of a key: a point that is on its curve. */
function isKey(key: Key): boolean {
  const { kid: _kid, alg: _alg, use: _use, ...numbers } = reduced(key);
  try {
    createPublicKey({ key: numbers, format: "jwk" });
    return true;
  } catch {
    return false;
  }
}
