import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Lease } from "kubernetes-types/coordination/v1.d.ts";
import { type ApiUnderTest, startApi } from "#cluster/apiserver/api-under-test.ts";
import { silentLog } from "#log/log.ts";
import { eventually } from "#xds/test-envoy.ts";
import { createKubeClient, type KubeClient } from "./client.ts";
import { KubeError } from "./error.ts";
import { type Leadership, standForElection } from "./leader-election.ts";
import { resourceTypes } from "./resource-types.ts";

const namespace = "default";
const ttlMs = 2_000;

let api: ApiUnderTest;
before(async () => {
  api = await startApi();
});
after(() => api.close());

function candidate(
  name: string,
  identity: string,
  options: { readonly client?: KubeClient; readonly signal?: AbortSignal } = {},
): Leadership & { readonly elections: number } {
  let elections = 0;
  const { client = api.client, signal = new AbortController().signal } = options;
  const leadership = standForElection({ client, namespace, name, identity, ttlMs, signal, log: silentLog });
  leadership.onElected(() => {
    elections += 1;
  });
  return Object.defineProperty(leadership, "elections", { get: () => elections }) as Leadership & { elections: number };
}

const lease = (name: string): Promise<Lease> => api.client.get<Lease>(resourceTypes.leases, { namespace, name });

test("of several that start at once one leads; who goes in peace hands over at once", async () => {
  const all = ["a", "b", "c"].map((identity) => candidate("peace", identity));
  await eventually(async () => assert.equal(all.filter((one) => one.isLeader()).length, 1));
  const first = all.find((one) => one.isLeader());
  const { spec } = await lease("peace");
  assert.equal(spec?.leaseDurationSeconds, 2);
  assert.match(spec?.renewTime ?? "", /^\d{4}-.*\.\d{6}Z$/);
  const renewed = spec?.renewTime;
  await eventually(async () => assert.notEqual((await lease("peace")).spec?.renewTime, renewed));
  assert.equal(all.filter((one) => one.isLeader()).length, 1);
  await first?.resign();
  assert.equal(first?.isLeader(), false);
  const others = all.filter((one) => one !== first);
  await eventually(async () => assert.equal(others.filter((one) => one.isLeader()).length, 1));
  assert.deepEqual(new Set(others.map(({ elections }) => elections)), new Set([0, 1]));
  assert.equal((await lease("peace")).spec?.leaseTransitions, 1);
  await Promise.all(others.map((one) => one.resign()));
});

test("who can't renew stops leading before another one begins", async () => {
  let isCut = false;
  const cut = createKubeClient(async (request) => {
    if (isCut) throw new KubeError({ code: 503, message: "cut off" });
    return await api.server.transport({ username: "admin", groups: ["system:masters"] })(request);
  });
  const first = candidate("cut", "a", { client: cut });
  await eventually(async () => assert.ok(first.isLeader()));
  const second = candidate("cut", "b");
  isCut = true;
  const overlaps: boolean[] = [];
  await eventually(async () => {
    overlaps.push(first.isLeader() && second.isLeader());
    assert.ok(second.isLeader());
  });
  assert.equal(first.isLeader(), false);
  assert.ok(!overlaps.includes(true));
  isCut = false;
  await first.resign();
  await second.resign();
});

test("one that comes back under its own name leads again at once", async () => {
  const gone = new AbortController();
  const first = candidate("again", "a", { signal: gone.signal });
  await eventually(async () => assert.ok(first.isLeader()));
  gone.abort();
  assert.equal(first.isLeader(), false);
  const started = performance.now();
  const second = candidate("again", "a");
  await eventually(async () => assert.ok(second.isLeader()));
  assert.ok(performance.now() - started < ttlMs);
  await second.resign();
});
