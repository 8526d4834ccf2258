/** One row of a table: the fields of an upstream test's struct. */
export type Row = Readonly<Record<string, unknown>>;

/** Throws when a function's result isn't the row's. */
export type RowCheck = (row: Row) => void;

const mutualTls = "identities and trust domains come with mutual TLS";

/** Upstream tests of functions that have no counterpart, and why. */
export const skippedTests: Readonly<Record<string, string>> = {
  TestString: "labels are never printed as one text",
  TestTranslateMetadataMatch: "matches on a token's claims come with RequestAuthentication",
  TestReplaceTrustDomainAliases: mutualTls,
  TestReplaceTrustDomainInPrincipal: mutualTls,
  TestGetTrustDomainFromSpiffeIdentity: mutualTls,
  TestIsTrustDomainBeingEnforced: mutualTls,
  TestStringMatch: mutualTls,
  TestGenSpiffeURI: mutualTls,
  TestExpandWithTrustDomains: mutualTls,
  TestIdentity: mutualTls,
};
