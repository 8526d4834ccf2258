import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "kubernetes-types/apps/v1.d.ts";
import type { ConfigMap } from "kubernetes-types/core/v1.d.ts";
import { resolveOperatorSpec } from "../operator-spec.ts";
import { renderComponents } from "./components.ts";

function rendered(...set: readonly string[]) {
  const spec = resolveOperatorSpec({ files: [], set: ["profile=minimal", ...set] });
  const manifests = renderComponents(spec).flatMap((component) => component.manifests);
  const named = <T>(kind: string, name: string): T | undefined =>
    manifests.find((one) => one.kind === kind && one.metadata?.name === name) as T | undefined;
  const pod = named<Deployment>("Deployment", "istiod")?.spec?.template.spec;
  return {
    authorities: named<ConfigMap>("ConfigMap", "pilot-jwks-extra-cacerts")?.data,
    volumes: (pod?.volumes ?? []).map(({ name }) => name),
    mounts: (pod?.containers[0]?.volumeMounts ?? []).map(({ mountPath }) => mountPath),
  };
}

test("istiod is given the authorities that it believes where it reads keys of tokens", () => {
  const { authorities, volumes, mounts } = rendered("values.pilot.jwksResolverExtraRootCA=pem");
  assert.deepEqual(authorities, { "extra.pem": "pem" });
  assert.ok(volumes.includes("extracacerts") && mounts.includes("/cacerts"));
  const usual = rendered();
  assert.equal(usual.authorities, undefined);
  assert.ok(!usual.volumes.includes("extracacerts") && !usual.mounts.includes("/cacerts"));
});
