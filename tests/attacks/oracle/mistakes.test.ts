import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { stringify } from "yaml";
import type { AuthorizationPolicy } from "#api/istio/authorization-policy.ts";
import { kindNamed } from "#config/kinds.ts";
import { noEnvoy } from "#envoy/static-bootstrap.fixture.ts";
import { scenario } from "./arbitrary.ts";
import { forEachAtOnce } from "./at-once.ts";
import { decide } from "./decide.ts";
import { makeCall } from "./make-call.ts";
import { createTokenIssuer } from "./token-issuer.ts";
import { freePorts, runWorkloads } from "./workloads.ts";

const seed = Number(process.env["WEFT_SEED"] ?? 5);
const count = 40;
const callsEach = 12;

/** Texts that mean nothing where the fields of policies have them. */
const mistakes = [
  "",
  "/a/{b}",
  "{**}/x",
  "1.2.3.4.5",
  "10.0.0.0/99",
  "port",
  "-1",
  "request.headers[]",
  "request.colour",
  "a/b/c/d",
];

/** Every list of texts in a rule. */
function listsIn(value: unknown): string[][] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(listsIn) : [];
}

/** The policy with such a text in one of its lists, so that validation refuses it, if that can be. */
function withMistake(policy: AuthorizationPolicy, choice: number): AuthorizationPolicy | undefined {
  for (let attempt = 0; attempt < 30; attempt++) {
    const copy = structuredClone(policy);
    const lists = listsIn(copy.spec.rules);
    lists[(choice + attempt) % Math.max(1, lists.length)]?.push(mistakes[(choice + attempt) % mistakes.length] ?? "");
    if ((kindNamed("AuthorizationPolicy")?.validate(copy).errors.length ?? 0) > 0) return copy;
  }
  return undefined;
}

describe("a mistake in a policy that slips past validation", { skip: noEnvoy }, () => {
  test(`lets nobody in who was kept out before, seed ${seed}`, async (t) => {
    const made = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const ports = await freePorts();
        const [one] = fc.sample(scenario(ports, callsEach), { seed: seed + index, numRuns: 1 });
        assert.ok(one);
        const { policies, ...rest } = one;
        const at = policies.findIndex((policy) => withMistake(policy, index) !== undefined);
        const broken = policies.map((policy, place) =>
          place === at ? (withMistake(policy, index) ?? policy) : policy,
        );
        return { ports, policies, at, scenario: { ...rest, policies: broken } };
      }),
    );
    const issuer = await createTokenIssuer();
    await runWorkloads(
      t,
      made.map(({ ports, scenario: broken }) => [ports, broken] as const),
      issuer.jwks,
    );
    const wrong: string[] = [];
    const keptOut = made.flatMap(({ policies, at, scenario: broken }) =>
      at < 0
        ? []
        : broken.calls
            .filter((call) => decide(policies, call, broken.circumstances) === "denied")
            .map((call) => ({ call, policies, mistaken: broken.policies[at] })),
    );
    await forEachAtOnce(keptOut, async ({ call, policies, mistaken }) => {
      const { decision } = await makeCall(call, issuer);
      if (decision !== (call.http ? "denied" : "kept out"))
        wrong.push([decision, stringify(call), stringify(policies), stringify(mistaken)].join("\n---\n"));
    });
    assert.deepEqual(wrong.length, 0, `${wrong.length} of ${keptOut.length}: ${wrong[0]}`);
    assert.ok(keptOut.length > 60, `only ${keptOut.length} calls were kept out before`);
  });
});
