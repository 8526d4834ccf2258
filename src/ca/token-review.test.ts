import assert from "node:assert/strict";
import { test } from "node:test";
import type { TokenReview } from "kubernetes-types/authentication/v1.d.ts";
import { createKubeClient } from "#kube/client.ts";
import { createTokenReviewer } from "./token-review.ts";

/** An API server that says `status` of every token. */
function answering(status: object): { calls: string[]; client: ReturnType<typeof createKubeClient> } {
  const calls: string[] = [];
  const client = createKubeClient(async (request) => {
    const review = JSON.parse(request.body ?? "{}") as TokenReview;
    calls.push(`${review.spec.token} ${review.spec.audiences?.join()}`);
    const body = (async function* () {
      yield Buffer.from(JSON.stringify({ ...review, status }));
    })();
    return { status: 201, headers: {}, body };
  });
  return { calls, client };
}

const user = { username: "system:serviceaccount:shop:cart" };

test("a good token is asked about once, for our audience, until it ends", async () => {
  const { calls, client } = answering({ authenticated: true, user, audiences: ["istio-ca"] });
  let clock = 0;
  const reviewer = createTokenReviewer(client, { audiences: ["istio-ca"], now: () => clock });
  const claims = Buffer.from(JSON.stringify({ exp: 60 })).toString("base64url");
  const token = `h.${claims}.s`;
  assert.deepEqual(await reviewer.review(token), { namespace: "shop", serviceAccount: "cart" });
  await reviewer.review(token);
  assert.deepEqual(calls, [`${token} istio-ca`]);
  clock = 61_000;
  await reviewer.review(token);
  assert.equal(calls.length, 2);
});

test("a token for somebody else, of somebody else, or a bad one is refused with the reason", async () => {
  const reasons = await Promise.all(
    [
      { authenticated: true, user, audiences: ["other"] },
      { authenticated: true, user },
      { authenticated: true, user: { username: "admin" }, audiences: ["istio-ca"] },
      { authenticated: false, error: "expired" },
      {},
    ].map((status) => createTokenReviewer(answering(status).client, { audiences: ["istio-ca"] }).review("t")),
  );
  for (const reason of reasons) assert.equal(typeof reason, "string");
  assert.match(reasons[3] as string, /expired/);
});
