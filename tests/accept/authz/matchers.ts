import assert from "node:assert/strict";
import { create, type DescMessage, fromJson, type JsonValue, type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { RE2JS } from "re2js";
import { PermissionSchema } from "#api/envoy/gen/envoy/config/rbac/v3/rbac_pb.js";
import { HeaderMatcherSchema } from "#api/envoy/gen/envoy/config/route/v3/route_components_pb.js";
import { PathMatcherSchema } from "#api/envoy/gen/envoy/type/matcher/v3/path_pb.js";
import { StringMatcherSchema } from "#api/envoy/gen/envoy/type/matcher/v3/string_pb.js";
import { envoyTypes } from "#api/envoy/types.ts";
import { requestAttributes } from "#envoy/authorization/permissions.ts";
import {
  exactMatch,
  headerMatch,
  prefixMatch,
  regexMatch,
  suffixMatch,
  textMatch,
} from "#envoy/authorization/value-match.ts";
import type { RowCheck } from "../tables/row.ts";

/** Compares as messages, so that defaults count as absent. */
export function same<Desc extends DescMessage>(schema: Desc, actual: MessageInitShape<Desc>, want: unknown): void {
  const registry = envoyTypes();
  const wanted = toJson(schema, fromJson(schema, want as JsonValue, { registry }), { registry });
  assert.deepEqual(toJson(schema, create(schema, actual), { registry }), wanted);
}

function path(value: string): JsonValue {
  const permission = create(PermissionSchema, requestAttributes.paths([value]) ?? {});
  const { orRules } = toJson(PermissionSchema, permission, { registry: envoyTypes() }) as {
    orRules: { rules: { urlPath?: JsonValue }[] };
  };
  return orRules.rules[0]?.urlPath ?? null;
}

/** Whether a pattern, with what comes before it, takes in the text. */
function takesIn(pattern: string, before: string, text: string): boolean {
  const { matchPattern } = textMatch(pattern, before);
  assert.equal(matchPattern?.case, "safeRegex");
  return RE2JS.matches(matchPattern.value?.regex ?? "", text);
}

export const matcherRows: Readonly<Record<string, RowCheck>> = {
  TestHeaderMatcher: ({ k, v, expect }) => same(HeaderMatcherSchema, headerMatch(k as string, v as string), expect),
  TestHostMatcher: ({ k, v, expect }) => same(HeaderMatcherSchema, headerMatch(k as string, v as string, true), expect),
  TestPathMatcher: ({ v, expect }) =>
    same(PathMatcherSchema, fromJson(PathMatcherSchema, path(v as string), { registry: envoyTypes() }), expect),
  TestStringMatcherWithPrefix: ({ v, prefix, want }) =>
    same(StringMatcherSchema, textMatch(v as string, prefix as string), want),
  TestStringMatcherRegex: ({ v, want }) => same(StringMatcherSchema, regexMatch(v as string), want),
  TestStringMatcherPrefix: ({ str, want }) => same(StringMatcherSchema, prefixMatch(str as string), want),
  TestStringMatcherSuffix: ({ str, want }) => same(StringMatcherSchema, suffixMatch(str as string), want),
  TestStringMatcherExact: ({ str, want }) => same(StringMatcherSchema, exactMatch(str as string), want),
  TestStringMatcherRegex_Match: ({ v, prefix, match, noMatch }) => {
    assert.equal(takesIn(v as string, prefix as string, match as string), true);
    assert.equal(takesIn(v as string, prefix as string, noMatch as string), false);
  },
  // Weft says them in regular expressions, as Envoy's own templates leave out paths with unusual characters: of the same template.
  TestPathTemplateMatcher: ({ path: template, want }) => {
    const segments = (want as { pathTemplate: string }).pathTemplate.split("/");
    const regex = segments.map((one) => (one === "**" ? ".*" : one === "*" ? "[^/]+" : RE2JS.quote(one))).join("/");
    assert.deepEqual(path(template as string), { path: { safeRegex: { regex } } });
  },
};
