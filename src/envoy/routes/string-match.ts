import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StringMatcher, StringMatcherSchema } from "#api/envoy/gen/envoy/type/matcher/v3/string_pb.js";
import type { StringMatch } from "#api/istio/string-match.ts";

export type Matcher = Exclude<MessageInitShape<typeof StringMatcherSchema>, StringMatcher>;

/** Envoy's form of a match; `undefined` for an empty one, which means that anything present will do. */
export function stringMatcher(match: StringMatch | undefined): Matcher | undefined {
  if (match?.exact !== undefined) return { matchPattern: { case: "exact", value: match.exact } };
  if (match?.prefix !== undefined) return { matchPattern: { case: "prefix", value: match.prefix } };
  // `*` isn't a regular expression: Istio takes it for "present".
  if (match?.regex === undefined || match.regex === "*") return undefined;
  return { matchPattern: { case: "safeRegex", value: { regex: match.regex } } };
}
