import assert from "node:assert/strict";
import { test } from "node:test";
import { renewalTime } from "./renewal.ts";

const day = 24 * 3_600_000;
const certificate = { receivedAt: 1_000, endsAt: 1_000 + day };

test("a certificate is renewed at half its life, and a fleet not all at once", () => {
  const at = (random: number): number =>
    renewalTime(certificate, { graceRatio: 0.5, graceJitter: 0.01 }, () => random) - certificate.receivedAt;
  assert.equal(at(0.5), day / 2);
  assert.equal(at(0), day * 0.51);
  assert.equal(at(1), day * 0.49);
});

test("it is renewed neither after its end nor again and again", () => {
  const at = (graceRatio: number): number => renewalTime(certificate, { graceRatio, graceJitter: 0.01 }, () => 0);
  assert.equal(at(0), certificate.endsAt);
  assert.equal(
    renewalTime(certificate, { graceRatio: 1, graceJitter: 0.01 }, () => 1),
    2_000,
  );
  assert.equal(
    renewalTime({ receivedAt: 5_000, endsAt: 5_001 }, { graceRatio: 0.5, graceJitter: 0 }, () => 0),
    6_000,
  );
});
