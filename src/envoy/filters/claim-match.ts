import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MetadataMatcher, MetadataMatcherSchema } from "#api/envoy/gen/envoy/type/matcher/v3/metadata_pb.js";
import type { ValueMatcher, ValueMatcherSchema } from "#api/envoy/gen/envoy/type/matcher/v3/value_pb.js";
import { claimsKey, jwtFilterName } from "./jwt.ts";

type MatchInit = Exclude<MessageInitShape<typeof MetadataMatcherSchema>, MetadataMatcher>;
type ValueInit = Exclude<MessageInitShape<typeof ValueMatcherSchema>, ValueMatcher>;
type Text = Extract<NonNullable<ValueInit["matchPattern"]>, { readonly case: "stringMatch" }>["value"];

/**
 * Matches requests whose token has the claim at `path`: as `value` says, or for a list of values one that is so; any value if that
 * is undefined. Istio: MetadataMatcherForJWTClaims.
 */
export function claimMatch(path: readonly string[], value: Text | undefined, invert = false): MatchInit {
  return {
    filter: jwtFilterName,
    path: [claimsKey, ...path].map((key) => ({ segment: { case: "key", value: key } })),
    value: value === undefined ? { matchPattern: { case: "presentMatch", value: true } } : oneOrListed(value),
    invert,
  };
}

function oneOrListed(text: Text): ValueInit {
  const one: ValueInit = { matchPattern: { case: "stringMatch", value: text } };
  const listed: ValueInit = {
    matchPattern: { case: "listMatch", value: { matchPattern: { case: "oneOf", value: one } } },
  };
  return { matchPattern: { case: "orMatch", value: { valueMatchers: [listed, one] } } };
}
