import assert from "node:assert/strict";
import { create, type JsonObject, toJson } from "@bufbuild/protobuf";
import { RE2JS } from "re2js";
import { parse } from "yaml";
import { PermissionSchema, PolicySchema, PrincipalSchema } from "#api/envoy/gen/envoy/config/rbac/v3/rbac_pb.js";
import { envoyTypes } from "#api/envoy/types.ts";
import type { AuthorizationRule } from "#api/istio/authorization-policy.ts";
import { permissionAttribute, ports, requestAttributes } from "#envoy/authorization/permissions.ts";
import {
  type PrincipalInit,
  principalAttribute,
  requestPrincipal,
  sourceServiceAccount,
} from "#envoy/authorization/principals.ts";
import { type RuleUse, rulePolicy } from "#envoy/authorization/rule.ts";
import type { RowCheck } from "../tables/row.ts";
import { same } from "./matchers.ts";

const origin = { namespace: "foo", trustDomains: ["cluster.local"] };

/** The one thing that a list of alternatives has. */
function single<T>(list: readonly T[] | undefined): T {
  assert.equal(list?.length, 1);
  return list[0] as T;
}

function principal(key: string, value: string): PrincipalInit {
  const said = principalAttribute(key, origin)?.say([value]);
  assert.equal(said?.identifier?.case, "orIds");
  return single((said.identifier.value as { ids: PrincipalInit[] }).ids);
}

function permission(said: ReturnType<typeof ports>) {
  assert.equal(said?.rule?.case, "orRules");
  return single((said.rule.value as { rules: NonNullable<ReturnType<typeof ports>>[] }).rules);
}

/** What names the peer in Istio's own proxy is the peer's certificate in Envoy. */
function asAuthenticated(want: JsonObject): JsonObject {
  const state = want["filter_state"] as JsonObject | undefined;
  if (state?.["key"] !== "io.istio.peer_principal") return want;
  return { authenticated: { principalName: state["string_match"] ?? null } };
}

function isIdentityTakenIn(said: PrincipalInit, identity: string): boolean {
  const { authenticated } = toJson(PrincipalSchema, create(PrincipalSchema, said)) as {
    authenticated: { principalName: { safeRegex: { regex: string } } };
  };
  return RE2JS.matches(authenticated.principalName.safeRegex.regex, identity);
}

/** The generators that say what is called; all others say who calls. */
const ofCall: Readonly<Record<string, (value: string) => ReturnType<typeof ports>>> = {
  destIPGenerator: (value) => permissionAttribute("destination.ip")?.([value]),
  connSNIGenerator: (value) => permissionAttribute("connection.sni")?.([value]),
  pathGenerator: (value) => requestAttributes.paths([value]),
  methodGenerator: (value) => requestAttributes.methods([value]),
};

const keys: Readonly<Record<string, string>> = {
  srcIPGenerator: "source.ip",
  srcNamespaceGenerator: "source.namespace",
  srcTrustDomainGenerator: "source.trustDomain",
};

function textOf(rule: unknown, use: Partial<RuleUse>): string {
  const said = rulePolicy(parse((rule as { yaml: string }).yaml) as AuthorizationRule, {
    ...origin,
    seen: "requests",
    mayWiden: false,
    ...use,
  });
  assert(said);
  return JSON.stringify(toJson(PolicySchema, said, { registry: envoyTypes() }));
}

export const modelRows: Readonly<Record<string, RowCheck>> = {
  TestRequestPrincipal: ({ in: value, want }) => {
    const said = requestPrincipal([value as string]);
    assert(said);
    same(PrincipalSchema, said, parse(want as string));
  },
  TestGenerator: ({ name, key, value, want }) => {
    const [generator = ""] = (name as string).split("-");
    const wanted = asAuthenticated(parse((want as { yaml: string }).yaml) as JsonObject);
    const call = ofCall[generator];
    if (call) same(PermissionSchema, permission(call(value as string)), wanted);
    else same(PrincipalSchema, principal(keys[generator] ?? (key as string), value as string), wanted);
  },
  TestServiceAccount: ({ input, identity, match }) => {
    const said = sourceServiceAccount(origin)([input as string]);
    assert.equal(said?.identifier?.case, "orIds");
    const one = single((said.identifier.value as { ids: PrincipalInit[] }).ids);
    assert.equal(isIdentityTakenIn(one, identity as string), match);
  },
  TestNamespaceMatcherRegex_Match: ({ v, match, noMatch }) => {
    const said = principal("source.namespace", v as string);
    assert.equal(isIdentityTakenIn(said, match as string), true);
    assert.equal(isIdentityTakenIn(said, noMatch as string), false);
  },
  TestModel_MigrateTrustDomain: ({ tdBundle, rule, want }) => {
    const { trustDomain, aliases } = tdBundle as { trustDomain: string; aliases: readonly string[] };
    const text = textOf(rule, { trustDomains: [trustDomain, ...aliases] });
    for (const item of want as readonly string[]) assert(text.includes(item), item);
  },
  TestModel_Generate: ({ action, forTCP, rule, want, notWant }) => {
    const text = textOf(rule, { seen: forTCP ? "connections" : "requests", mayWiden: action !== "ALLOW" });
    for (const item of want as readonly string[]) assert(text.includes(item), item);
    for (const item of notWant as readonly string[]) assert(!text.includes(item), item);
  },
  TestConvertToPort: ({ v }) => assert.equal(ports([v as string]), undefined),
  // A name that is empty, which upstream's function lets through, is refused where a user writes it.
  TestExtractNameInBrackets: ({ s, want }) => {
    const said = principalAttribute(`request.headers${s as string}`, origin)?.say(["v"]);
    if (!want) return assert.equal(said, undefined);
    assert(JSON.stringify(said).includes(`"name":${JSON.stringify(want)}`));
  },
  TestExtractNameInNestedBrackets: ({ s, want }) => {
    const said = principalAttribute(`request.auth.claims${s as string}`, origin)?.say(["v"]);
    const names = ((want ?? []) as readonly string[]).filter((name) => name !== "");
    if (names.length === 0) return assert.equal(said, undefined);
    assert(said?.identifier?.case === "metadata");
    const { path = [] } = said.identifier.value as { path?: { segment: { value: string } }[] };
    assert.deepEqual(
      path.map(({ segment }) => segment.value),
      ["payload", ...names],
    );
  },
};
