import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { stringify } from "yaml";
import { kindNamed } from "#config/kinds.ts";
import { noEnvoy } from "#envoy/static-bootstrap.fixture.ts";
import { scenario } from "./arbitrary.ts";
import { forEachAtOnce } from "./at-once.ts";
import { decide } from "./decide.ts";
import { makeCall } from "./make-call.ts";
import { normalizePath } from "./normalize-path.ts";
import { createTokenIssuer } from "./token-issuer.ts";
import { freePorts, runWorkloads } from "./workloads.ts";

/** `WEFT_SEED` and `WEFT_SCENARIOS` try others. */
const seed = Number(process.env["WEFT_SEED"] ?? 5);
const count = Number(process.env["WEFT_SCENARIOS"] ?? 80);
const callsEach = 25;

describe("what Envoy does with calls is what Istio's documentation says", { skip: noEnvoy }, () => {
  test(`${count * callsEach} pairs of policies and calls, seed ${seed}`, async (t) => {
    const scenarios = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const ports = await freePorts();
        const [made] = fc.sample(scenario(ports, callsEach), { seed: seed + index, numRuns: 1 });
        assert.ok(made);
        for (const policy of [...made.policies, ...made.circumstances.peerAuthentications])
          assert.deepEqual(kindNamed(policy.kind ?? "")?.validate(policy).errors, [], stringify(policy));
        return [ports, made] as const;
      }),
    );
    const issuer = await createTokenIssuer();
    await runWorkloads(t, scenarios, issuer.jwks);
    const pairs = scenarios.flatMap(([, { policies, circumstances, calls }], index) =>
      calls.map((call) => ({ index, policies, circumstances, call })),
    );
    const outcomes = new Map<string, number>();
    const wrong: string[] = [];
    await forEachAtOnce(pairs, async ({ index, policies, circumstances, call }) => {
      const decision = decide(policies, call, circumstances);
      const expected = call.http || decision === "allowed" ? decision : "kept out";
      const { decision: actual, target } = await makeCall(call, issuer);
      outcomes.set(expected, (outcomes.get(expected) ?? 0) + 1);
      // The workload gets the path that was decided about.
      const path = call.http && normalizePath(call.http.target, circumstances.pathNormalization);
      if (actual !== expected || (target !== undefined && target.split("?", 1)[0] !== path))
        wrong.push(
          [
            `# seed ${seed + index}: Envoy: ${actual} ${target ?? ""}, the documentation: ${expected}`,
            stringify(call),
            stringify(circumstances),
          ]
            .concat(policies.map((policy) => stringify(policy)))
            .join("---\n"),
        );
    });
    assert.deepEqual(wrong.length, 0, `${wrong.length} of ${pairs.length} differ\n${wrong.slice(0, 3).join("\n")}`);
    for (const [outcome, least] of Object.entries({
      allowed: 0.2,
      denied: 0.2,
      unauthenticated: 0.02,
      refused: 0.005,
      unconnected: 0.05,
    }))
      assert.ok(
        (outcomes.get(outcome) ?? 0) > least * pairs.length,
        `few are ${outcome}: ${JSON.stringify([...outcomes])}`,
      );
  });
});
