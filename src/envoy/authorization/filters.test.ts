import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuthorizationPolicy } from "#api/istio/authorization-policy.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import type { Snapshot } from "#snapshot/snapshot.ts";
import { sourceAt } from "#status/config-sources.ts";
import { type Resource, typeUrls } from "#xds/resource.ts";
import { bookinfo, ingressProxy, keyed, productpageProxy } from "../bookinfo.fixture.ts";
import { generate } from "../generate.ts";

function policy(namespace: string, name: string): AuthorizationPolicy {
  return {
    apiVersion: "security.istio.io/v1",
    kind: "AuthorizationPolicy",
    metadata: { name, namespace, creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { rules: [{ to: [{ operation: { ports: ["9080"] } }] }] },
  };
}

function inboundOf(snapshot: Snapshot): Resource | undefined {
  return generate(proxyView(snapshot, productpageProxy), typeUrls.listener).find(
    ({ name }) => name === "virtualInbound",
  );
}

const own = policy("default", "own");
const input = bookinfo({ authorizationPolicies: keyed([own]) });

test("a listener tells the policies that it is made from", () => {
  const paths = inboundOf(buildSnapshot(undefined, input, {}))?.madeFrom ?? [];
  assert.deepEqual(paths.map(sourceAt), [{ kind: "AuthorizationPolicy", namespace: "default", name: "own" }]);
  assert.equal(inboundOf(buildSnapshot(undefined, bookinfo(), {}))?.madeFrom, undefined);
});

test("a policy is translated again only where it is in effect", () => {
  const before = buildSnapshot(undefined, input, {});
  const authorizationPolicies = keyed([own, policy("elsewhere", "other")]);
  const changes = { authorizationPolicies: new Set(["elsewhere/other"]) };
  const after = buildSnapshot(before, { ...input, authorizationPolicies }, changes);
  assert.equal(inboundOf(after), inboundOf(before));
  assert.equal(proxyView(after, ingressProxy).authorizationPolicies.length, 0);
  const everywhere = keyed([own, policy("istio-system", "mesh")]);
  const mesh = buildSnapshot(before, { ...input, authorizationPolicies: everywhere }, changes);
  assert.notEqual(inboundOf(mesh), inboundOf(before));
  assert.equal(proxyView(mesh, ingressProxy).authorizationPolicies.length, 1);
});
