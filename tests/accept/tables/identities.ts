import assert from "node:assert/strict";
import { type Identity, identityUri, inTrustDomains, parseIdentity } from "#model/spiffe.ts";
import { principalsOfAliases, takesIn } from "#model/trust-domain.ts";
import type { RowCheck } from "./row.ts";

export const identityRows: Readonly<Record<string, RowCheck>> = {
  TestReplaceTrustDomainAliases: ({ trustDomainBundle, principals, expect }) => {
    const { trustDomains } = trustDomainBundle as { trustDomains: readonly string[] };
    const actual = principalsOfAliases(principals as readonly string[], trustDomains);
    assert.deepEqual([...actual].sort(), [...(expect as readonly string[])].sort());
  },
  // The functions within it are judged by what comes out.
  TestReplaceTrustDomainInPrincipal: ({ trustDomainIn, principal, out }) => {
    const own = (principal as string).split("/")[0] ?? "";
    const actual = principalsOfAliases([principal as string], [(trustDomainIn ?? "td") as string, own]);
    assert.equal(actual[0], out === "" ? principal : out);
  },
  TestGetTrustDomainFromSpiffeIdentity: ({ principal, out }) => {
    const isRead = principalsOfAliases([principal as string], [(out as string) || "spiffe:", "alias"]).length > 1;
    assert.equal(isRead, out !== "");
  },
  TestIsTrustDomainBeingEnforced: ({ principal, want }) => {
    const actual = principalsOfAliases([principal as string], ["cluster.local", "old-td", "alias"]);
    assert.equal(actual.length > 1, want);
  },
  TestStringMatch: ({ element, list, expected }) => {
    assert.equal(
      (list as readonly string[]).some((text) => takesIn(element as string, text)),
      expected,
    );
  },
  TestGenSpiffeURI: ({ trustDomain, namespace, serviceAccount, expectedURI }) => {
    const identity = { trustDomain, namespace: namespace ?? "", serviceAccount: serviceAccount ?? "" } as Identity;
    assert.equal(identityUri(identity), expectedURI);
  },
  TestExpandWithTrustDomains: ({ spiffeURI, trustDomains, want }) => {
    const actual = inTrustDomains(spiffeURI as readonly string[], trustDomains as readonly string[]);
    assert.deepEqual([...actual].sort(), Object.keys(want as object).sort());
  },
  TestIdentity: ({ input, expected }) => {
    assert.deepEqual(parseIdentity(input as string), expected ?? undefined);
  },
};
