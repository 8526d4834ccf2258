import assert from "node:assert/strict";
import { test } from "node:test";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type JwtAuthentication,
  JwtAuthenticationSchema,
  type JwtRequirement,
} from "#api/envoy/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { JWTRule, RequestAuthentication } from "#api/istio/request-authentication.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import { sourceAt } from "#status/config-sources.ts";
import { typeUrls } from "#xds/resource.ts";
import { bookinfo, ingressProxy, keyed, productpageProxy } from "../bookinfo.fixture.ts";
import { generate } from "../generate.ts";
import { jwtFilter } from "./jwt.ts";

function policy(namespace: string, name: string, jwtRules: readonly JWTRule[]): RequestAuthentication {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "RequestAuthentication",
    metadata: { name, namespace },
    spec: { jwtRules },
  };
}

const jwks = '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}';

function configFor(proxy: typeof productpageProxy, ...policies: readonly RequestAuthentication[]): JwtAuthentication {
  const snapshot = buildSnapshot(undefined, bookinfo({ requestAuthentications: keyed(policies) }), {});
  const filter = jwtFilter(proxyView(snapshot, proxy).tokenRules, proxy.type);
  const config =
    filter?.configType.case === "typedConfig" ? anyUnpack(filter.configType.value, JwtAuthenticationSchema) : undefined;
  assert.ok(config);
  return config;
}

/** `any(0, missing)` and so on, providers by their numbers. */
function words({ requiresType }: JwtRequirement): string {
  switch (requiresType.case) {
    case "requiresAny":
      return `any(${requiresType.value.requirements.map(words).join(", ")})`;
    case "requiresAll":
      return `all(${requiresType.value.requirements.map(words).join(", ")})`;
    case "providerName":
      return requiresType.value.replace("origins-", "");
    case "allowMissing":
      return "missing";
    default:
      return String(requiresType.case);
  }
}

function required(...presences: readonly JWTRule["presence"][]): string {
  const rules = presences.map((presence, index) => ({ issuer: `${index}`, jwks, ...(presence ? { presence } : {}) }));
  const { rules: found } = configFor(productpageProxy, policy("default", "a", rules));
  assert.equal(found.length, 1);
  const [rule] = found;
  assert.deepEqual(rule?.match?.pathSpecifier, { case: "prefix", value: "/" });
  return rule.requirementType.case === "requires" ? words(rule.requirementType.value) : "";
}

test("what a request must have follows from the rules together", () => {
  assert.equal(required(undefined), "any(0, missing)");
  assert.equal(required("OPTIONAL"), "any(0, missing)");
  assert.equal(required("REQUIRED"), "0");
  assert.equal(required(undefined, undefined), "any(0, 1, all(any(0, missing), any(1, missing)))");
  assert.equal(required("REQUIRED", undefined), "all(0, any(1, missing))");
  assert.equal(required("REQUIRED", "REQUIRED"), "all(0, 1)");
});

test("a rule without keys of its own has those of nobody until they are read", () => {
  const { providers } = configFor(productpageProxy, policy("default", "a", [{ issuer: "https://a.example" }]));
  const keys = providers["origins-0"]?.jwksSourceSpecifier;
  assert.ok(keys?.case === "localJwks" && keys.value.specifier.case === "inlineString");
  assert.match(keys.value.specifier.value, /"crv":"P-256"/);
});

test("claims of the rule are lists of words besides the usual ones", () => {
  const rules = [{ issuer: "a", jwks, spaceDelimitedClaims: ["roles", "scope"] }];
  const { providers } = configFor(productpageProxy, policy("default", "a", rules));
  const claims = providers["origins-0"]?.normalizePayloadInMetadata?.spaceDelimitedClaims;
  assert.deepEqual(claims, ["permission", "roles", "scope"]);
});

test("gateways look for the route again once claims are known, sidecars don't", () => {
  const rules = [{ issuer: "a", jwks }];
  const cleared = (proxy: typeof productpageProxy) =>
    configFor(proxy, policy("istio-system", "a", rules)).providers["origins-0"]?.clearRouteCache;
  assert.equal(cleared(ingressProxy), true);
  assert.equal(cleared(productpageProxy), false);
});

test("a listener tells the policies that its filter is made from", () => {
  const requestAuthentications = keyed([
    policy("default", "own", [
      { issuer: "a", jwks },
      { issuer: "b", jwks },
    ]),
    policy("istio-system", "mesh", [{ issuer: "c", jwks }]),
    policy("other", "other", [{ issuer: "d", jwks }]),
  ]);
  const snapshot = buildSnapshot(undefined, bookinfo({ requestAuthentications }), {});
  const inbound = generate(proxyView(snapshot, productpageProxy), typeUrls.listener).find(
    ({ name }) => name === "virtualInbound",
  );
  assert.deepEqual(
    (inbound?.madeFrom ?? []).map(sourceAt),
    [
      ["default", "own"],
      ["istio-system", "mesh"],
    ].map(([namespace, name]) => ({ kind: "RequestAuthentication", namespace, name })),
  );
});
