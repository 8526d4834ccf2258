import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { ecKey, keySet, rsaKey, type SigningKey, token } from "#envoy/token.fixture.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Condition } from "#status/condition.ts";
import { eventually, freePort, startEnvoy } from "#xds/test-envoy.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";

const refreshMs = 200;

describe("keys of tokens at a URL", { skip: findEnvoy() ? false : "there is no Envoy" }, () => {
  let plane: ControlPlane;
  /** What the issuer answers; undefined: it is down. */
  let served: readonly SigningKey[] | undefined;
  let delayMs = 0;
  const issuer = createServer(({ url }, response) => {
    if (served === undefined) return void response.destroy();
    const answer = url === "/keys" ? keySet(...served) : JSON.stringify({ jwks_uri: `${origin()}/keys` });
    setTimeout(() => response.end(answer), delayMs);
  });
  const origin = (): string => `http://127.0.0.1:${(issuer.address() as AddressInfo).port}`;

  before(async () => {
    issuer.listen(0, "127.0.0.1");
    await once(issuer, "listening");
    plane = await startControlPlane({ env: { PILOT_JWT_PUB_KEY_REFRESH_INTERVAL: `${refreshMs}ms` } });
  });
  after(async () => {
    await plane.stop();
    issuer.close().closeAllConnections();
  });

  test("tokens are accepted by the keys that are there now", async (t) => {
    const { client } = plane;
    const port = await freePort();
    const istioSystem = "istio-system";
    await client.create(resourceTypes.gateways, {
      metadata: { name: "front", namespace: istioSystem },
      spec: {
        selector: { istio: "gw" },
        servers: [{ port: { number: port, name: "http", protocol: "HTTP" }, hosts: ["*"], bind: "127.0.0.1" }],
      },
    });
    await client.create(resourceTypes.virtualServices, {
      metadata: { name: "all", namespace: istioSystem },
      spec: { hosts: ["*"], gateways: ["front"], http: [{ directResponse: { status: 200 } }] },
    });
    await startEnvoy(t, {
      variant: "delta",
      xdsPort: plane.istiod.ports.xds,
      node: {
        id: "router~127.0.0.1~gw-0.istio-system~istio-system.svc.cluster.local",
        cluster: "gw",
        metadata: { LABELS: { istio: "gw" } },
      },
    });
    const first = rsaKey("first");
    const second = ecKey("second");
    const claims = { sub: "a", exp: Math.floor(Date.now() / 1000) + 3600 };
    const byUri = (key: SigningKey) => token(key, { ...claims, iss: "uri" });
    const byDiscovery = (key: SigningKey) => token(key, { ...claims, iss: origin() });
    const ask = async (text?: string): Promise<number> => {
      const headers = { connection: "close", ...(text === undefined ? {} : { authorization: `Bearer ${text}` }) };
      return (await fetch(`http://127.0.0.1:${port}/`, { headers })).status;
    };
    const ref = { name: "tokens", namespace: istioSystem };
    const accepted = async (): Promise<Condition | undefined> =>
      (
        await client.get<KubeObject & { status?: { conditions?: Condition[] } }>(
          resourceTypes.requestAuthentications,
          ref,
        )
      ).status?.conditions?.find(({ type }) => type === "weft.dev/Accepted");
    await eventually(async () => assert.equal(await ask(byUri(first)), 200));

    await t.test("none while the keys can't be read, and the policy says why", async () => {
      await client.create(resourceTypes.requestAuthentications, {
        metadata: ref,
        spec: { jwtRules: [{ issuer: "uri", jwksUri: `${origin()}/keys` }, { issuer: origin() }] },
      });
      await eventually(async () => assert.equal(await ask(byUri(first)), 401));
      assert.equal(await ask(byDiscovery(first)), 401);
      assert.equal(await ask(), 200);
      await eventually(async () => assert.equal((await accepted())?.reason, "Unreachable"));
      assert.match((await accepted())?.message ?? "", /can't be read/);
    });

    await t.test("those of the first key once it is there", async () => {
      served = [first];
      await eventually(async () => {
        assert.equal(await ask(byUri(first)), 200);
        assert.equal(await ask(byDiscovery(first)), 200);
      });
      assert.equal(await ask(byUri(second)), 401);
      await eventually(async () => assert.equal((await accepted())?.status, "True"));
    });

    await t.test("those of both keys while the second takes over, then those of that alone", async () => {
      served = [first, second];
      await eventually(async () => assert.equal(await ask(byUri(second)), 200));
      assert.equal(await ask(byUri(first)), 200);
      served = [second];
      await eventually(async () => assert.equal(await ask(byUri(first)), 401));
      assert.equal(await ask(byUri(second)), 200);
    });

    await t.test("the same while the issuer is down", async () => {
      served = undefined;
      for (const until = Date.now() + 5 * refreshMs; Date.now() < until; ) assert.equal(await ask(byUri(second)), 200);
      assert.equal((await accepted())?.status, "True");
      const metrics = await fetch(`http://127.0.0.1:${plane.istiod.ports.monitoring}/metrics`);
      assert.match(await metrics.text(), /^pilot_jwks_resolver_network_fetch_fail_total [1-9]/m);
      served = [second];
    });

    await t.test("the same while istiod starts anew", async () => {
      delayMs = 500;
      const restart = { isDone: false };
      const restarted = plane.restartIstiod().finally(() => {
        restart.isDone = true;
      });
      while (!restart.isDone) assert.equal(await ask(byUri(second)), 200);
      await restarted;
      for (const until = Date.now() + 1500; Date.now() < until; ) assert.equal(await ask(byDiscovery(second)), 200);
    });
  });
});
