import type { MessageInitShape } from "@bufbuild/protobuf";
import { RE2JS } from "re2js";
import type { CidrRange, CidrRangeSchema } from "#api/envoy/gen/envoy/config/core/v3/address_pb.js";
import type { HeaderMatcher, HeaderMatcherSchema } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import type { MetadataMatcher, MetadataMatcherSchema } from "#api/envoy/gen/envoy/type/matcher/v3/metadata_pb.js";
import type { ValueMatcher, ValueMatcherSchema } from "#api/envoy/gen/envoy/type/matcher/v3/value_pb.js";
import { isSubnet } from "#model/ip.ts";
import type { Matcher } from "../routes/string-match.ts";

export type HeaderMatch = Exclude<MessageInitShape<typeof HeaderMatcherSchema>, HeaderMatcher>;
export type MetadataMatch = Exclude<MessageInitShape<typeof MetadataMatcherSchema>, MetadataMatcher>;
export type ValueMatch = Exclude<MessageInitShape<typeof ValueMatcherSchema>, ValueMatcher>;
export type Range = Exclude<MessageInitShape<typeof CidrRangeSchema>, CidrRange>;

export function regexMatch(regex: string): Matcher {
  return { matchPattern: { case: "safeRegex", value: { regex } } };
}

export function prefixMatch(value: string): Matcher {
  return { matchPattern: { case: "prefix", value } };
}

export function suffixMatch(value: string): Matcher {
  return { matchPattern: { case: "suffix", value } };
}

export function exactMatch(value: string): Matcher {
  return { matchPattern: { case: "exact", value } };
}

export const anyText: Matcher = regexMatch(".+");

/** `*` is any text but none, `*suffix` and `prefix*` go by one end, anything else is the text. `before` comes before each. */
export function textMatch(pattern: string, before = ""): Matcher {
  // Envoy refuses an empty prefix or suffix.
  if (pattern === "*") return anyText;
  if (pattern.startsWith("*")) {
    const end = pattern.slice(1);
    return before === "" ? suffixMatch(end) : regexMatch(`${RE2JS.quote(before)}.*${RE2JS.quote(end)}`);
  }
  if (pattern.endsWith("*")) return prefixMatch(before + pattern.slice(0, -1));
  return exactMatch(before + pattern);
}

/** The pattern as a regular expression, in which each `*` stands for `any`. */
export function patternRegex(pattern: string, any: string): string {
  return pattern
    .split("*")
    .map((part) => RE2JS.quote(part))
    .join(any);
}

export function headerMatch(name: string, pattern: string, ignoreCase = false): HeaderMatch {
  if (pattern === "*") return { name, headerMatchSpecifier: { case: "presentMatch", value: true } };
  const value = { ...textMatch(pattern), ...(ignoreCase ? { ignoreCase } : {}) };
  return { name, headerMatchSpecifier: { case: "stringMatch", value } };
}

/** The same for one of several values in a header, which commas separate. */
export function inlineHeaderMatch(name: string, pattern: string): HeaderMatch {
  if (pattern === "*") return headerMatch(name, pattern);
  const value = RE2JS.quote(pattern.replace(/^\*|\*$/, ""));
  const start = pattern.startsWith("*") ? ".*" : "(.*,|)";
  const end = pattern.endsWith("*") ? ".*" : "(,.*|)";
  return { name, headerMatchSpecifier: { case: "stringMatch", value: regexMatch(`${start}${value}${end}`) } };
}

export function textValue(value: Matcher): ValueMatch {
  return { matchPattern: { case: "stringMatch", value } };
}

/** One that one of these takes in. */
export function anyValue(values: readonly ValueMatch[]): ValueMatch {
  const [only, ...others] = values;
  if (only !== undefined && others.length === 0) return only;
  return { matchPattern: { case: "orMatch", value: { valueMatchers: [...values] } } };
}

/** A list of which one item will do. */
export function listValue(oneOf: ValueMatch): ValueMatch {
  return { matchPattern: { case: "listMatch", value: { matchPattern: { case: "oneOf", value: oneOf } } } };
}

export function metadataMatch(filter: string, path: readonly string[], value: ValueMatch): MetadataMatch {
  return { filter, path: path.map((key) => ({ segment: { case: "key", value: key } })), value };
}

/** Undefined for what is no address and no range. */
export function rangeOf(text: string): Range | undefined {
  if (!isSubnet(text)) return undefined;
  const [addressPrefix = "", length] = text.split("/");
  const whole = addressPrefix.includes(":") ? 128 : 32;
  return { addressPrefix, prefixLen: length === undefined ? whole : Number(length) };
}
