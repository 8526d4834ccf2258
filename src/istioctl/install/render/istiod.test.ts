import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "kubernetes-types/apps/v1.d.ts";
import type { ConfigMap, Service } from "kubernetes-types/core/v1.d.ts";
import type { ClusterRole } from "kubernetes-types/rbac/v1.d.ts";
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
    args: pod?.containers[0]?.args ?? [],
    ports: [
      ...(pod?.containers[0]?.ports ?? []).map(({ containerPort }) => containerPort),
      ...(named<Service>("Service", "istiod")?.spec?.ports ?? []).map(({ port }) => port),
    ],
    rules: (named<ClusterRole>("ClusterRole", "istiod-clusterrole-istio-system")?.rules ?? []).filter(({ apiGroups }) =>
      apiGroups?.includes("certificates.k8s.io"),
    ),
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

test("the port without TLS can be closed", () => {
  assert.ok(rendered().ports.includes(15010));
  const closed = rendered("values.pilot.extraContainerArgs={--grpcAddr=}");
  assert.ok(closed.args.includes("--grpcAddr="));
  assert.ok(!closed.ports.includes(15010) && closed.ports.includes(15012));
});

test("istiod may approve for the signers that it is told of, and no others", () => {
  assert.deepEqual(rendered().rules, []);
  const { rules } = rendered(
    "values.pilot.env.EXTERNAL_CA=ISTIOD_RA_KUBERNETES_API",
    "values.pilot.env.K8S_SIGNER=example.com/mesh",
  );
  assert.deepEqual(rules.find(({ resources }) => resources?.includes("signers"))?.resourceNames, ["example.com/mesh"]);
  assert.ok(rules.some(({ resources }) => resources?.includes("certificatesigningrequests")));
});
