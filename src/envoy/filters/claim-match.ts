import {
  anyValue,
  listValue,
  type MetadataMatch,
  metadataMatch,
  textValue,
  type ValueMatch,
} from "../authorization/value-match.ts";
import type { Matcher } from "../routes/string-match.ts";
import { claimsKey, jwtFilterName } from "./jwt.ts";

/** Matches requests whose token has such a claim at `path`. */
export function claimAt(path: readonly string[], value: ValueMatch): MetadataMatch {
  return metadataMatch(jwtFilterName, [claimsKey, ...path], value);
}

/**
 * Matches requests whose token has the claim at `path`: as `value` says, or for a list of values one that is so; any value if that
 * is undefined. Istio: MetadataMatcherForJWTClaims.
 */
export function claimMatch(path: readonly string[], value: Matcher | undefined, invert = false): MetadataMatch {
  const present: ValueMatch = { matchPattern: { case: "presentMatch", value: true } };
  return { ...claimAt(path, value === undefined ? present : oneOrListed(textValue(value))), invert };
}

/** Such a value, or a list that has one. */
export function oneOrListed(value: ValueMatch): ValueMatch {
  return anyValue([listValue(value), value]);
}
