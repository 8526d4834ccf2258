import assert from "node:assert/strict";
import { test } from "node:test";
import type { TokenReview } from "kubernetes-types/authentication/v1.d.ts";
import { createTokenReviewer } from "#ca/token-review.ts";
import { createKubeClient } from "#kube/client.ts";
import { silentLog } from "#log/log.ts";
import { createDebugAccess } from "./debug-access.ts";

/** An API server for which a token is the name of a namespace, or bad. */
const client = createKubeClient(async (request) => {
  const { spec } = JSON.parse(request.body ?? "{}") as TokenReview;
  if (spec.token === "unreachable") throw new Error("no API server");
  const user = { username: `system:serviceaccount:${spec.token}:default` };
  const status = spec.token === "bad" ? {} : { authenticated: true, user, audiences: spec.audiences };
  const body = (async function* () {
    yield Buffer.from(JSON.stringify({ status }));
  })();
  return { status: 201, headers: {}, body };
});
const reviewer = createTokenReviewer(client, { audiences: ["istio-ca"] });

test("debug pages are for who is on the machine, for istiod's namespace, and in part for others", async () => {
  const access = createDebugAccess({ reviewer, namespaces: ["istio-system", "ops"], isEnabled: true, log: silentLog });
  const status = async (token: string | undefined, url = "/debug/syncz", address = "10.1.2.3") => {
    const { pathname: path, searchParams: query } = new URL(url, "http://istiod");
    const authorization = token === undefined ? undefined : `Bearer ${token}`;
    return (await access.refusal({ address, authorization, path, query }))?.status;
  };
  for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
    assert.equal(await status(undefined, "/debug", address), undefined);
  assert.equal(await status(undefined), 401);
  assert.equal(await status(undefined, "/debug/syncz", "::ffff:10.0.0.1"), 401);
  assert.equal(await status("bad"), 401);
  assert.equal(await status("unreachable"), 503);
  assert.equal(await status("istio-system"), undefined);
  assert.equal(await status("ops"), undefined);
  assert.equal(await status("shop"), 403);
  assert.equal(await status("shop", "/debug/config_dump?proxyID=a.shop"), undefined);
  for (const proxy of ["a.bank", "a.workshop", "shop", ""])
    assert.equal(await status("shop", `/debug/config_dump?proxyID=${proxy}`), 403, proxy);
  assert.equal(await status("shop", "/debug/configz?proxyID=a.shop"), 403);
  const open = createDebugAccess({ reviewer, namespaces: [], isEnabled: false, log: silentLog });
  const query = new URLSearchParams();
  assert.equal(await open.refusal({ address: "10.1.2.3", authorization: undefined, path: "/debug", query }), undefined);
});
