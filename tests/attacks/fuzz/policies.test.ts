import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Arbitrary } from "fast-check";
import * as fc from "fast-check";
import { stringify } from "yaml";
import type { AuthorizationPolicy } from "#api/istio/authorization-policy.ts";
import type { PeerAuthentication } from "#api/istio/peer-authentication.ts";
import type { RequestAuthentication } from "#api/istio/request-authentication.ts";
import { kindNamed } from "#config/kinds.ts";
import { bookinfo, keyed, productpageProxy } from "#envoy/bookinfo.fixture.ts";
import { envoyAccepts, noEnvoy, staticBootstrap } from "#envoy/static-bootstrap.fixture.ts";
import { keySet, rsaKey } from "#envoy/token.fixture.ts";
import type { MeshInput } from "#snapshot/input.ts";
import { scenario } from "../oracle/arbitrary.ts";
import { seed } from "./bounds.ts";
import { mutated } from "./mutate.ts";

const some = <T>(...values: readonly T[]): Arbitrary<T> => fc.constantFrom(...values);
const jwks = keySet(rsaKey("one"));
const mode = some("STRICT", "PERMISSIVE", "DISABLE", "UNSET");

const kinds: Readonly<Record<string, { readonly good: Arbitrary<unknown>; readonly as: keyof MeshInput }>> = {
  AuthorizationPolicy: {
    as: "authorizationPolicies",
    good: scenario({ http: 9080, tcp: 9081 }, 0).map(({ policies }) => policies[0]?.spec),
  },
  RequestAuthentication: {
    as: "requestAuthentications",
    good: fc.record(
      {
        selector: some({ matchLabels: { app: "productpage" } }),
        jwtRules: fc.array(
          fc.record(
            {
              issuer: some("issuer-a.example.com", "https://issuer-b.example.com"),
              jwks: some(jwks),
              audiences: some(["web"], ["a", "b"]),
              fromHeaders: some([{ name: "x-token", prefix: "Token " }], [{ name: "x-jwt" }]),
              fromParams: some(["token"]),
              fromCookies: some(["token"]),
              outputPayloadToHeader: some("x-payload"),
              outputClaimToHeaders: some([{ header: "x-sub", claim: "sub" }]),
              forwardOriginalToken: fc.boolean(),
              timeout: some("5s"),
              spaceDelimitedClaims: some(["groups"]),
            },
            { requiredKeys: ["issuer", "jwks"] },
          ),
          { minLength: 1, maxLength: 2 },
        ),
      },
      { requiredKeys: ["jwtRules"] },
    ),
  },
  PeerAuthentication: {
    as: "peerAuthentications",
    good: fc.record(
      {
        selector: some({ matchLabels: { app: "productpage" } }),
        mtls: fc.record({ mode }),
        portLevelMtls: some({ 9080: { mode: "STRICT" } }, { 9080: { mode: "DISABLE" }, 9081: {} }),
      },
      { requiredKeys: ["selector"] },
    ),
  },
};

type Policy = AuthorizationPolicy | RequestAuthentication | PeerAuthentication;

/** What was tried: 400 of each kind, and which of them validation takes. */
function samples(kind: string): { readonly all: readonly Policy[]; readonly valid: readonly Policy[] } {
  const { good } = kinds[kind] ?? assert.fail(kind);
  const specs = fc.sample(mutated(good), { seed, numRuns: 400 });
  const all = specs.map(
    (spec, index) =>
      ({
        apiVersion: "security.istio.io/v1",
        kind,
        metadata: { name: `p-${index}`, namespace: "default", creationTimestamp: "2026-01-01T00:00:00Z" },
        spec,
      }) as Policy,
  );
  const valid = all.filter((object) => {
    const { errors } = kindNamed(kind)?.validate(object) ?? assert.fail(kind);
    for (const { field, message } of errors) assert.ok(typeof field === "string" && message.length > 0);
    return errors.length === 0;
  });
  return { all, valid };
}

for (const [kind, { as }] of Object.entries(kinds))
  describe(`${kind}s at random`, () => {
    const { all, valid } = samples(kind);
    const inputOf = (objects: readonly Policy[]): MeshInput => bookinfo({ [as]: keyed(objects) });

    test("validation takes some and refuses some, in words", () => {
      assert.ok(valid.length > 40 && valid.length < 360, `${valid.length} of ${all.length} are valid`);
    });

    test("Envoy takes what validation takes", { skip: noEnvoy }, () => {
      const fails = (objects: readonly Policy[]): string | undefined => {
        try {
          envoyAccepts(staticBootstrap(inputOf(objects), productpageProxy));
          return undefined;
        } catch (error) {
          return (error as Error).message;
        }
      };
      if (fails(valid) === undefined) return;
      // The one that is at fault, by halves.
      let suspects = valid;
      while (suspects.length > 1) {
        const half = suspects.slice(0, suspects.length / 2);
        suspects = fails(half) === undefined ? suspects.slice(half.length) : half;
      }
      assert.fail(`${fails(suspects)}\n${suspects.map((object) => stringify(object)).join("---\n")}`);
    });

    test("what slips past validation harms no other and stops nothing", () => {
      for (const object of all) {
        try {
          staticBootstrap(inputOf([object]), productpageProxy, undefined, { mayHaveMistakes: true });
        } catch (error) {
          assert.fail(`${(error as Error).stack}\n${JSON.stringify(object)}`);
        }
      }
    });
  });
