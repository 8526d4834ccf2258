import assert from "node:assert/strict";
import { join } from "node:path";
import { fromBinary, fromJson, type JsonObject, toJson } from "@bufbuild/protobuf";
import type { Service } from "kubernetes-types/core/v1.d.ts";
import {
  type JwtAuthentication,
  JwtAuthenticationSchema,
} from "#api/envoy/gen/envoy/extensions/filters/http/jwt_authn/v3/config_pb.js";
import type { JWTRule, RequestAuthentication, RequestAuthenticationSpec } from "#api/istio/request-authentication.ts";
import { jwtFilter, spaceDelimitedClaims } from "#envoy/filters/jwt.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { emptyInput } from "#snapshot/input.ts";
import { keySourceOf, sourceId } from "#snapshot/key-source.ts";
import type { KeyReader } from "#snapshot/token-keys.ts";
import { nobodysKeys, tokenRules } from "#snapshot/token-rules.ts";
import type { AcceptCase } from "../suite.ts";
import { casesOf } from "./table.ts";

interface Conversion {
  readonly in: readonly (JWTRule | { readonly spec: RequestAuthenticationSpec })[];
  readonly jwksFetchMode?: string;
  readonly expected: JsonObject | null;
}

/** The filter that checks tokens. */
export function jwtCases(folder: string): readonly AcceptCase[] {
  const file = join(folder, "jwt-and-peer.json");
  return [
    ...casesOf<Conversion>(file, ["TestJwtFilter", "TestConvertToEnvoyJwtConfig"]).map(({ name, one }) => ({
      name,
      run: () => checkFilter(one),
    })),
    ...casesOf<{ input: readonly string[] | null; expected: readonly string[] }>(file, [
      "TestBuildSpaceDelimitedClaims",
    ]).map(({ name, one }) => ({
      name,
      run: () => assert.deepEqual(spaceDelimitedClaims(one.input ?? []), one.expected),
    })),
  ];
}

/** The mesh's own issuer of the upstream test. */
const issuer: Service = {
  metadata: { name: "jwt-token-issuer", namespace: "mesh" },
  spec: { clusterIP: "192.0.2.1", ports: [{ name: "https", port: 7443 }] },
};

function checkFilter({ in: given, jwksFetchMode = "istiod", expected }: Conversion): void {
  const policies = given.map(
    (item): RequestAuthentication => ({
      apiVersion: "security.istio.io/v1",
      kind: "RequestAuthentication",
      metadata: {},
      spec: "spec" in item ? item.spec : { jwtRules: [item] },
    }),
  );
  const wanted = expected && configOf(expected);
  const rules = policies.flatMap(({ spec }) => spec.jwtRules ?? []);
  const read = wanted === null ? [] : rules.flatMap((rule) => served(rule, wanted));
  const services = new Map([["mesh/jwt-token-issuer", issuer]]);
  const { input, services: known } = buildSnapshot(undefined, { ...emptyInput(defaultMeshConfig), services }, {});
  const tokenKeys = { reader: jwksFetchMode.toLowerCase() as KeyReader, read: new Map(read) };
  const filter = jwtFilter(tokenRules({ input: { ...input, tokenKeys }, services: known }, policies), "sidecar");
  if (wanted === null || filter?.configType.case !== "typedConfig") return assert.equal(filter, wanted ?? undefined);
  const got = fromBinary(JwtAuthenticationSchema, filter.configType.value.value);
  assert.deepEqual(comparable(got), comparable(wanted));
}

function configOf(expected: JsonObject): JwtAuthentication {
  return fromJson(JwtAuthenticationSchema, expected["typedConfig"] ?? expected);
}

/** What is at the rule's URL, of upstream's test server: the set that is wanted for its issuer. Elsewhere is nothing. */
function served(rule: JWTRule, wanted: JwtAuthentication): [string, { text: string }][] {
  const provider = Object.values(wanted.providers).find((one) => one.issuer === rule.issuer);
  if (rule.jwks || provider?.jwksSourceSpecifier.case !== "localJwks") return [];
  const source = keySourceOf(rule);
  const { specifier } = provider.jwksSourceSpecifier.value;
  if (source?.url.startsWith("http://JWKS_TEST_SERVER") && specifier.case === "inlineString")
    return [[sourceId(source), { text: specifier.value }]];
  // Nobody's keys aren't upstream's.
  provider.jwksSourceSpecifier.value.specifier = { case: "inlineString", value: nobodysKeys.text };
  return [];
}

/** Words' claims are a set. */
function comparable(config: JwtAuthentication): unknown {
  for (const { normalizePayloadInMetadata: normal } of Object.values(config.providers))
    normal?.spaceDelimitedClaims.sort();
  return toJson(JwtAuthenticationSchema, config);
}
