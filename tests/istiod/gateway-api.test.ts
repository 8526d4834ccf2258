import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import type { ConfigMap } from "kubernetes-types/core/v1.d.ts";
import { parseAllDocuments } from "yaml";
import type { RouteParentStatus } from "#api/gateway-api/route.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { eventually, freePort, get, startEnvoy } from "#xds/test-envoy.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";

const root = join(import.meta.dirname, "..", "..");
const accept = resolve(process.env["ACCEPT"] ?? join(root, "..", "shared", "accept"));
const definitions = join(accept, "crds", "gateway-api", "experimental");

describe("istiod and the Gateway API", {
  skip: existsSync(definitions) ? false : "the Gateway API's definitions aren't there: set ACCEPT",
}, () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane();
    for (const file of readdirSync(definitions).filter((name) => name.startsWith("gateway.networking."))) {
      for (const document of parseAllDocuments(readFileSync(join(definitions, file), "utf8"))) {
        const definition = document.toJS() as KubeObject | null;
        if (definition?.kind === "CustomResourceDefinition")
          await plane.client.create(resourceTypes.customResourceDefinitions, definition);
      }
    }
    for (const name of ["shop", "unseen"])
      await plane.client.create(resourceTypes.namespaces, { metadata: { name, labels: { team: name } } });
  });
  after(() => plane.stop());

  const listener = (port: number) => ({ name: "web", port, protocol: "HTTP" });
  const gateway = (name: string, namespace: string, port: number) =>
    eventually(() =>
      plane.client.create<KubeObject & { spec: object }>(resourceTypes.kubernetesGateways, {
        metadata: { name, namespace },
        spec: { gatewayClassName: "istio", listeners: [listener(port)] },
      }),
    );

  test("a route that a proxy refuses says so in Envoy's words, at its parent, until it is mended", {
    skip: findEnvoy() ? false : "there is no Envoy",
  }, async (t) => {
    const { client } = plane;
    const port = await freePort();
    await gateway("front", "shop", port);
    // Without backends it answers 500.
    const rule = (value: string) => ({
      filters: [{ type: "ResponseHeaderModifier", responseHeaderModifier: { set: [{ name: "x-a", value }] } }],
    });
    const spec = (value: string) => ({ parentRefs: [{ name: "front" }], rules: [rule(value)] });
    const reference = { namespace: "shop", name: "cart" };
    await eventually(() =>
      client.create<KubeObject & { spec: object }>(resourceTypes.httpRoutes, {
        metadata: reference,
        spec: spec("fine"),
      }),
    );
    const other = { namespace: "shop", name: "other" };
    await client.create<KubeObject & { spec: object }>(resourceTypes.httpRoutes, {
      metadata: other,
      spec: { ...spec("fine"), hostnames: ["other.example"] },
    });
    await startEnvoy(t, {
      variant: "delta",
      xdsPort: plane.istiod.ports.xds,
      node: {
        id: "router~10.9.9.9~front-0.shop~shop.svc.cluster.local",
        cluster: "front",
        metadata: { NAMESPACE: "shop", LABELS: { "gateway.networking.k8s.io/gateway-name": "front" } },
      },
    });
    await eventually(async () => assert.match(await get(port), /^500/));
    const conditions = async (of = reference) => {
      const found = await client.get<KubeObject & { status?: { parents?: RouteParentStatus[] } }>(
        resourceTypes.httpRoutes,
        of,
      );
      const [parent] = found.status?.parents ?? [];
      return new Map(parent?.conditions?.map((one) => [one.type, one]));
    };
    const write = (value: string) =>
      client.patch(resourceTypes.httpRoutes, { ...reference, as: "merge", patch: { spec: spec(value) } });
    await write("%NOT_A_THING%");
    await eventually(async () => assert.equal((await conditions()).get("weft.dev/Accepted")?.status, "False"));
    const told = await conditions();
    assert.equal(told.get("weft.dev/Accepted")?.reason, "Rejected");
    assert.match(told.get("weft.dev/Accepted")?.message ?? "", /front-0\.shop rejects rds .*NOT_A_THING/);
    assert.equal(told.get("Accepted")?.status, "True");
    assert.notEqual((await conditions(other)).get("weft.dev/Accepted")?.status, "False", "it is in the same table");
    assert.match(await get(port), /^500/, "the last good form serves on");
    await write("fine again");
    await eventually(async () => assert.equal((await conditions()).get("weft.dev/Accepted")?.status, "True"));
  });

  test("Gateways in namespaces that the mesh doesn't look at are left alone, until it does", async () => {
    const { client } = plane;
    const reference = { namespace: "istio-system", name: "istio" };
    const before = await client.get<ConfigMap>(resourceTypes.configMaps, reference);
    const select = (label: string) => `discoverySelectors:\n- matchLabels: {team: shop}\n${label}`;
    const write = (mesh: string) =>
      client.patch(resourceTypes.configMaps, { ...reference, as: "merge", patch: { data: { mesh } } });
    const isDeployed = async (namespace: string, name: string): Promise<boolean> =>
      (await client.find(resourceTypes.deployments, { namespace, name })) !== undefined;
    await write(`${before.data?.["mesh"] ?? ""}\n${select("")}`);
    await new Promise((done) => setTimeout(done, 300));
    await gateway("hidden", "unseen", 8081);
    await gateway("seen", "shop", 8081);
    await eventually(async () => assert.equal(await isDeployed("shop", "seen-istio"), true));
    assert.equal(await isDeployed("unseen", "hidden-istio"), false);
    const status = await client.get<KubeObject & { status?: { conditions?: { reason: string }[] } }>(
      resourceTypes.kubernetesGateways,
      { namespace: "unseen", name: "hidden" },
    );
    assert.ok(!status.status?.conditions?.some(({ reason }) => reason === "Accepted"), "nobody answers for it");
    await client.patch(resourceTypes.namespaces, {
      name: "unseen",
      as: "merge",
      patch: { metadata: { labels: { team: "shop" } } },
    });
    await eventually(async () => assert.equal(await isDeployed("unseen", "hidden-istio"), true));
  });
});
