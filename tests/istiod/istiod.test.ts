import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { ValidatingWebhookConfiguration } from "kubernetes-types/admissionregistration/v1.d.ts";
import type { ConfigMap, Pod, Service } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { KubeError } from "#kube/error.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Condition } from "#status/condition.ts";
import { eventually, freePort, get, startEnvoy, upstream } from "#xds/test-envoy.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { ownAddress } from "./own-address.ts";
import { tokenOf } from "./secure-call.ts";

describe("istiod on a Kubernetes API", () => {
  let plane: ControlPlane;
  before(async () => {
    plane = await startControlPlane();
  });
  after(() => plane.stop());

  const page = async <T>(path: string): Promise<T> =>
    (await (await fetch(`http://127.0.0.1:${plane.istiod.ports.monitoring}${path}`)).json()) as T;

  test("a new namespace gets the root certificate, and gets it back", async () => {
    const { client } = plane;
    await client.create(resourceTypes.namespaces, { metadata: { name: "shop" } });
    const ref = { namespace: "shop", name: "istio-ca-root-cert" };
    const read = () => client.get<ConfigMap>(resourceTypes.configMaps, ref);
    await eventually(async () => assert.equal((await read()).data?.["root-cert.pem"], plane.istiod.rootPem()));
    await client.delete(resourceTypes.configMaps, ref);
    await eventually(async () => assert.equal((await read()).data?.["root-cert.pem"], plane.istiod.rootPem()));
    await client.patch(resourceTypes.configMaps, { ...ref, as: "merge", patch: { data: { "root-cert.pem": "evil" } } });
    await eventually(async () => assert.equal((await read()).data?.["root-cert.pem"], plane.istiod.rootPem()));
  });

  test("a pod in a labelled namespace is injected", async () => {
    const { client } = plane;
    const labels = { "istio-injection": "enabled" };
    await client.create(resourceTypes.namespaces, { metadata: { name: "meshed", labels } });
    await client.create(resourceTypes.serviceAccounts, { metadata: { name: "default", namespace: "meshed" } });
    const spec = { containers: [{ name: "app", image: "node:24" }] };
    const create = (name: string, namespace: string) =>
      client.create<Pod>(resourceTypes.pods, { metadata: { name, namespace }, spec });
    const pod = await eventually(() => create("a", "meshed"));
    assert.deepEqual(
      pod.spec?.containers.map(({ name }) => name),
      ["app", "istio-proxy"],
    );
    await client.create(resourceTypes.serviceAccounts, { metadata: { name: "default", namespace: "shop" } });
    assert.equal((await create("b", "shop")).spec?.containers.length, 1);
  });

  test("a second VirtualService for a host of the mesh names the first in its status, until that is gone", async () => {
    const { client } = plane;
    const spec = { hosts: ["twice"], http: [{ route: [{ destination: { host: "twice" } }] }] };
    // Of the same age, so the name decides.
    for (const name of ["twice-a", "twice-b"])
      await client.create(resourceTypes.virtualServices, { metadata: { name, namespace: "shop" }, spec });
    const condition = async (): Promise<Condition | undefined> => {
      const found = await client.get<KubeObject & { status?: { conditions?: Condition[] } }>(
        resourceTypes.virtualServices,
        { namespace: "shop", name: "twice-b" },
      );
      return found.status?.conditions?.find(({ type }) => type === "weft.dev/Accepted");
    };
    await eventually(async () => assert.equal((await condition())?.reason, "Conflict"));
    assert.match((await condition())?.message ?? "", /VirtualService shop\/twice-a/);
    await client.delete(resourceTypes.virtualServices, { namespace: "shop", name: "twice-a" });
    await eventually(async () => assert.equal((await condition())?.status, "True"));
    await client.delete(resourceTypes.virtualServices, { namespace: "shop", name: "twice-b" });
  });

  test("an EnvoyFilter's patch of the bootstrap reaches pods that are made afterwards", async () => {
    const { client } = plane;
    await client.create(resourceTypes.envoyFilters, {
      metadata: { name: "flush", namespace: "meshed" },
      spec: {
        workloadSelector: { labels: { app: "patched" } },
        configPatches: [{ applyTo: "BOOTSTRAP", patch: { operation: "MERGE", value: { stats_flush_interval: "7s" } } }],
      },
    });
    await eventually(async () => {
      const create = async (app: string): Promise<string | undefined> => {
        const pod = await client.create<Pod>(resourceTypes.pods, {
          metadata: { generateName: "d-", namespace: "meshed", labels: { app } },
          spec: { containers: [{ name: "app", image: "node:24" }] },
        });
        const env = pod.spec?.containers.find(({ name }) => name === "istio-proxy")?.env ?? [];
        return env.find(({ name }) => name === "WEFT_BOOTSTRAP_PATCH")?.value;
      };
      assert.equal(await create("patched"), JSON.stringify({ stats_flush_interval: "7s" }));
      assert.equal(await create("other"), undefined);
    });
  });

  test("a ProxyConfig sets the proxies of pods that are made afterwards", async () => {
    const { client } = plane;
    await client.create(resourceTypes.proxyConfigs, {
      metadata: { name: "threads", namespace: "meshed" },
      spec: { concurrency: 3, environmentVariables: { ISTIO_META_TEAM: "shop" } },
    });
    await eventually(async () => {
      const spec = { containers: [{ name: "app", image: "node:24" }] };
      const pod = await client.create<Pod>(resourceTypes.pods, {
        metadata: { generateName: "c-", namespace: "meshed" },
        spec,
      });
      const env = pod.spec?.containers.find(({ name }) => name === "istio-proxy")?.env ?? [];
      const value = (name: string): string | undefined => env.find((item) => item.name === name)?.value;
      assert.equal(value("ISTIO_META_TEAM"), "shop");
      assert.equal((JSON.parse(value("PROXY_CONFIG") ?? "{}") as { concurrency?: number }).concurrency, 3);
    });
  });

  test("validation is enforced once it is reached, and refuses with resource, field and value", async () => {
    const { client } = plane;
    const name = "istio-validator-istio-system";
    await eventually(async () => {
      const found = await client.get<ValidatingWebhookConfiguration>(resourceTypes.validatingWebhookConfigurations, {
        name,
      });
      assert.equal(found.webhooks?.[0]?.failurePolicy, "Fail");
    });
    const route = [{ destination: { host: "a" }, weight: 10, headers: { request: { set: { "bad header": "x" } } } }];
    const http = [{ match: [{ uri: { regex: "(" } }], route }];
    const bad = { metadata: { name: "bad", namespace: "shop" }, spec: { hosts: ["a"], http } };
    await assert.rejects(
      client.create(resourceTypes.virtualServices, bad),
      (error) => error instanceof KubeError && /VirtualService shop\/bad: spec\.http\[0\]\./.test(error.message),
    );
  });

  test("Envoy as gateway serves what the resources say, over a restart of istiod and of the API server", {
    skip: findEnvoy() ? false : "there is no Envoy",
  }, async (t) => {
    const { client } = plane;
    const [v1, v2] = [await upstream(t, "v1"), await upstream(t, "v2")];
    const port = await freePort();
    const account = { metadata: { name: "gateway", namespace: "istio-system" } };
    await client.create(resourceTypes.serviceAccounts, account);
    for (const [name, target] of [
      ["v1", v1],
      ["v2", v2],
    ] as const) {
      await client.create<Service>(resourceTypes.services, {
        metadata: { name, namespace: "shop" },
        spec: { ports: [{ name: "http", port: 80, targetPort: target }] },
      });
      await client.create<EndpointSlice>(resourceTypes.endpointSlices, {
        metadata: { name, namespace: "shop", labels: { "kubernetes.io/service-name": name } },
        addressType: "IPv4",
        endpoints: [{ addresses: [ownAddress], conditions: { ready: true } }],
        ports: [{ name: "http", port: target, protocol: "TCP" }],
      });
    }
    const inShop = (name: string) => ({ metadata: { name, namespace: "shop" } });
    const servers = [{ port: { number: port, name: "http", protocol: "HTTP" }, hosts: ["*"] }];
    const gateway = { ...inShop("gw"), spec: { selector: { istio: "test" }, servers } };
    const routeTo = (host: string) => ({
      spec: { hosts: ["*"], gateways: ["gw"], http: [{ route: [{ destination: { host } }] }] },
    });
    await client.create(resourceTypes.gateways, gateway);
    await client.create(resourceTypes.virtualServices, { ...inShop("all"), ...routeTo("v1") });
    const metadata = {
      NAMESPACE: "istio-system",
      SERVICE_ACCOUNT: "gateway",
      ISTIO_VERSION: "0.1.0",
      LABELS: { istio: "test" },
    };
    const node = { id: "router~10.9.9.9~gw-0.istio-system~istio-system.svc.cluster.local", cluster: "gw", metadata };
    const tls = {
      rootPem: plane.istiod.rootPem(),
      serverName: "istiod.istio-system.svc",
      token: await tokenOf(plane, "istio-system", "gateway"),
    };
    const { adminPort } = await startEnvoy(t, {
      variant: "delta",
      xdsPort: plane.istiod.ports.secureXds,
      node,
      tls,
    });
    await eventually(async () => assert.equal(await get(port), "200 v1"));

    await t.test("a changed VirtualService is served, and proxy-status says that all is in sync", async () => {
      const patch = { ...routeTo("v2") };
      await client.patch(resourceTypes.virtualServices, { namespace: "shop", name: "all", as: "merge", patch });
      await eventually(async () => assert.equal(await get(port), "200 v2"));
      await eventually(async () => {
        const [status] = await page<{ proxy: string; state: Record<string, string> }[]>("/debug/syncz");
        assert.equal(status?.proxy, "gw-0.istio-system");
        assert.deepEqual(status.state, { CDS: "SYNCED", LDS: "SYNCED", EDS: "SYNCED", RDS: "SYNCED" });
      });
      const dump = await page<{ configs: { name: string }[] }>("/debug/config_dump?proxyID=gw-0.istio-system");
      assert.ok(dump.configs.some(({ name }) => name === "outbound|80||v2.shop.svc.cluster.local"));
    });

    await t.test("changed endpoints take effect", async () => {
      const endpoints = [{ addresses: [ownAddress], conditions: { ready: true } }];
      const patch = { endpoints, ports: [{ name: "http", port: v1, protocol: "TCP" }] };
      await client.patch(resourceTypes.endpointSlices, { namespace: "shop", name: "v2", as: "merge", patch });
      await eventually(async () => assert.equal(await get(port), "200 v1"));
    });

    await t.test("what Envoy rejects is on the resource and in the status; the last good form serves on", async () => {
      const ref = { namespace: "shop", name: "all" } as const;
      const patch = (spec: object) =>
        client.patch(resourceTypes.virtualServices, { ...ref, as: "merge", patch: { spec } });
      const route = [{ destination: { host: "v1" }, headers: { request: { set: { "x-a": "%NOT_A_THING%" } } } }];
      const accepted = async (): Promise<Condition | undefined> =>
        (
          await client.get<KubeObject & { status?: { conditions?: Condition[] } }>(resourceTypes.virtualServices, ref)
        ).status?.conditions?.find(({ type }) => type === "weft.dev/Accepted");
      const state = async (): Promise<string | undefined> =>
        (await page<{ state: Record<string, string> }[]>("/debug/syncz"))[0]?.state["RDS"];
      await patch({ http: [{ route }] });
      await eventually(async () => assert.equal((await accepted())?.status, "False"));
      assert.match((await accepted())?.message ?? "", /gw-0\.istio-system rejects rds .*NOT_A_THING/);
      assert.equal(await state(), "ERROR");
      assert.equal(await get(port), "200 v1");
      await patch({ http: routeTo("v2").spec.http });
      await eventually(async () => assert.equal((await accepted())?.status, "True"));
      await eventually(async () => assert.equal(await state(), "SYNCED"));
    });

    await t.test("a bad form that slips through leaves the last good one serving, and says so", async () => {
      await client.delete(resourceTypes.validatingWebhookConfigurations, { name: "istio-validator-istio-system" });
      const ref = { namespace: "shop", name: "all" } as const;
      const route = [{ destination: { host: "v1" } }];
      const patch = { spec: { http: [{ match: [{ uri: { regex: "(" } }], route }] } };
      await client.patch(resourceTypes.virtualServices, { ...ref, as: "merge", patch });
      await eventually(async () => {
        const found = await client.get<KubeObject & { status?: { conditions?: Condition[] } }>(
          resourceTypes.virtualServices,
          ref,
        );
        const condition = found.status?.conditions?.find(({ type }) => type === "weft.dev/Accepted");
        assert.equal(condition?.reason, "Invalid");
        assert.match(condition.message ?? "", /^spec\.http\[0\]\.match\[0\]\.uri.*last good version stays/);
      });
      assert.equal(await get(port), "200 v1", "v2's endpoint answers v1 since the test before");
      await client.patch(resourceTypes.virtualServices, { ...ref, as: "merge", patch: routeTo("v2") });
      await eventually(async () => assert.deepEqual(await page("/debug/problems"), []));
    });

    const count = async (stat: string): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${adminPort}/stats?filter=${stat}`)).text();
      return Number(/: (\d+)/.exec(text)?.[1] ?? "0");
    };

    await t.test("istiod restarts: traffic goes on, and nothing is sent that the proxy has", async () => {
      const updates = ["cluster_manager.cds.update_success", "listener_manager.lds.update_success"];
      const before = await Promise.all(updates.map(count));
      await plane.restartIstiod();
      assert.equal(await get(port), "200 v1");
      await eventually(async () => assert.equal((await page<object[]>("/debug/syncz")).length, 1));
      await new Promise((done) => setTimeout(done, 300));
      assert.deepEqual(await Promise.all(updates.map(count)), before);
      const metrics = await (await fetch(`http://127.0.0.1:${plane.istiod.ports.monitoring}/metrics`)).text();
      assert.doesNotMatch(metrics, /pilot_xds_pushes\{/);
      assert.match(metrics, /pilot_xds\{version="0\.1\.0"\} 1/);
    });

    await t.test("the API server restarts: what changes afterwards is still seen", async () => {
      await plane.restartApiServer();
      const patch = { endpoints: [{ addresses: [ownAddress] }], ports: [{ name: "http", port: v2, protocol: "TCP" }] };
      await eventually(() =>
        client.patch(resourceTypes.endpointSlices, { namespace: "shop", name: "v2", as: "merge", patch }),
      );
      await eventually(async () => assert.equal(await get(port), "200 v2"));
    });

    await t.test(
      "an EnvoyFilter takes effect, and one that Envoy refuses is told so while all else serves on",
      async () => {
        const before = await get(port);
        const ref = { namespace: "istio-system", name: "answer" } as const;
        const patches = (...filters: object[]) => ({
          workloadSelector: { labels: { istio: "test" } },
          configPatches: filters.map((value) => ({
            applyTo: "HTTP_FILTER",
            match: {
              context: "GATEWAY",
              listener: { filterChain: { filter: { name: "envoy.filters.network.http_connection_manager" } } },
            },
            patch: { operation: "INSERT_FIRST", value },
          })),
        });
        const lua = (code: string) => ({
          name: "lua",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            default_source_code: { inline_string: code },
          },
        });
        const answer = `function envoy_on_request(handle) handle:respond({[":status"] = "218"}, "patched") end`;
        const condition = async (): Promise<Condition | undefined> =>
          (
            await client.get<KubeObject & { status?: { conditions?: Condition[] } }>(resourceTypes.envoyFilters, ref)
          ).status?.conditions?.find(({ type }) => type === "weft.dev/Accepted");
        const put = (spec: object) =>
          client.patch(resourceTypes.envoyFilters, { ...ref, as: "merge", patch: { spec } });
        await client.create(resourceTypes.envoyFilters, { metadata: ref, spec: patches(lua(answer)) });
        await eventually(async () => assert.equal(await get(port), "218 patched"));
        assert.equal(await condition(), undefined);

        await put(patches(lua("this is no Lua")));
        await eventually(async () => assert.equal((await condition())?.status, "False"));
        assert.match(
          (await condition())?.message ?? "",
          /gw-0\.istio-system rejects lds 0\.0\.0\.0_\d+: .*script load error/s,
        );
        assert.equal(await get(port), "218 patched", "the last good form of the listener");
        const virtualService = await client.get<KubeObject & { status?: object }>(resourceTypes.virtualServices, {
          namespace: "shop",
          name: "all",
        });
        assert.ok(!JSON.stringify(virtualService.status ?? {}).includes("script load error"), "others aren't blamed");

        await put({
          configPatches: [
            ...patches({
              name: "by-name",
              config_discovery: {
                config_source: { ads: {}, resource_api_version: "V3" },
                type_urls: ["type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"],
              },
            }).configPatches,
            {
              applyTo: "EXTENSION_CONFIG",
              patch: { operation: "ADD", value: { ...lua(answer.replace("patched", "discovered")), name: "by-name" } },
            },
          ],
        });
        await eventually(async () => assert.equal(await get(port), "218 discovered"));
        await eventually(async () => assert.equal((await condition())?.status, "True"));
        await client.delete(resourceTypes.envoyFilters, ref);
        await eventually(async () => assert.equal(await get(port), before));
      },
    );
  });
});
