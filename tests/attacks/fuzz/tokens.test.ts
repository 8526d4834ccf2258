import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { createTokenReviewer } from "#ca/token-review.ts";
import { readKeySet } from "#config/key-set.ts";
import { createKubeClient } from "#kube/client.ts";
import { bounded } from "./bounds.ts";

/** What an API server, or somebody in its place, may answer to a TokenReview. */
const status = fc.oneof(
  fc.record(
    {
      authenticated: fc.oneof(fc.boolean(), fc.constantFrom("true", 1, null, {})),
      error: fc.oneof(fc.string(), fc.constant(null)),
      user: fc.oneof(
        fc.record({
          username: fc.oneof(
            fc.constantFrom(
              "system:serviceaccount:shop:cart",
              "system:serviceaccount::",
              "system:serviceaccount:a:b:c",
              "admin",

              "xsystem:serviceaccount:shop:cart",
              "system:serviceaccount:shop:cart\n",
              "system:serviceaccount:shop/../x:y",
            ),
            fc.string(),
          ),
        }),
        fc.anything(),
      ),
      audiences: fc.oneof(
        fc.array(fc.constantFrom("istio-ca", "vault", "istio-ca ", "")),
        fc.constantFrom<unknown>("istio-ca", { includes: "istio-ca" }, null, { 0: "istio-ca" }),
      ),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
);

test("only what the API server says clearly of a service account is an identity", async () => {
  await fc.assert(
    fc.asyncProperty(status, fc.string(), async (answer, token) => {
      const client = createKubeClient(async () => ({
        status: 201,
        headers: {},
        body: (async function* () {
          yield Buffer.from(JSON.stringify({ status: answer }));
        })(),
      }));
      let found: unknown;
      try {
        found = await createTokenReviewer(client, { audiences: ["istio-ca"] }).review(token);
      } catch {
        return;
      }
      if (typeof found === "string") return;
      const { authenticated, audiences, user } = answer as {
        readonly authenticated?: unknown;
        readonly audiences?: unknown;
        readonly user?: { readonly username?: string };
      };
      assert.equal(authenticated, true);
      assert.ok(Array.isArray(audiences) && audiences.includes("istio-ca"), "an audience of ours");
      assert.deepEqual(found, { namespace: "shop", serviceAccount: "cart" });
      assert.equal(user?.username, "system:serviceaccount:shop:cart");
    }),
    bounded(3_000),
  );
});

const number = fc.oneof(fc.base64String({ maxLength: 60 }), fc.string(), fc.anything());
const key = fc.record(
  {
    kty: fc.oneof(fc.constantFrom("RSA", "EC", "OKP", "oct", "__proto__", "constructor"), fc.anything()),
    alg: fc.oneof(fc.constantFrom("RS256", "ES256", "HS256", "none", "EdDSA"), fc.anything()),
    crv: fc.oneof(fc.constantFrom("P-256", "P-384", "Ed25519"), fc.anything()),
    n: number,
    e: fc.oneof(fc.constantFrom("AQAB", "Aw"), number),
    x: number,
    y: number,
    k: number,
    kid: fc.anything(),
  },
  { requiredKeys: [] },
);

test("a key set is read or refused in words, whatever it is", () => {
  const text = fc.oneof(
    fc.array(fc.oneof(key, fc.anything())).map((keys) => JSON.stringify({ keys }, big)),
    key.map((one) => JSON.stringify(one, big)),
    fc.json(),
    fc.string(),
  );
  fc.assert(
    fc.property(text, (jwks) => {
      const read = readKeySet(jwks ?? "");
      if (typeof read === "string") return assert.ok(read.length > 0);
      const { keys } = JSON.parse(read.text) as { readonly keys: readonly Readonly<Record<string, unknown>>[] };
      assert.ok(keys.length > 0);
      for (const one of keys) {
        assert.ok(["RSA", "EC", "OKP", "oct"].includes(String(one["kty"])));
        assert.notEqual(one["alg"], "none");
        for (const secret of ["d", "p", "q"]) assert.equal(one[secret], undefined);
      }
    }),
    bounded(3_000),
  );
});

function big(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
