import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { after, describe, test } from "node:test";
import type { Pod, Service } from "kubernetes-types/core/v1.d.ts";
import type { LoadBalancer } from "#api/istio/destination-rule.ts";
import { bookinfo, destinationRule, gateway, keyed, pod, slice, virtualService } from "./bookinfo.fixture.ts";
import { ask, freePort, listening, loopbackSlice, runGateway } from "./running-gateway.fixture.ts";
import { noEnvoy } from "./static-bootstrap.fixture.ts";

const calls = 60;

/** A pod at `region/zone/subzone`. */
function podAt(name: string, ip: string, labels: Readonly<Record<string, string>>, place: string): Pod {
  return pod(name, ip, { ...labels, "istio-locality": place.replaceAll("/", ".") });
}

describe("zones of the own region by the endpoints that they have, by traffic", { skip: noEnvoy }, () => {
  const servers: Server[] = [];
  after(() => {
    for (const server of servers) server.close();
  });

  /** Calls of a client in `r/a/1` to one endpoint at each of `places`; other clients like it run at `peers`. */
  async function shares(
    loadBalancer: LoadBalancer,
    places: readonly string[],
    peers: readonly string[] = [],
    peerLabels: readonly string[] | undefined = ["pod-template-hash"],
  ): Promise<readonly number[]> {
    const counts = places.map(() => 0);
    const endpoints = places.map((place, index) => podAt(`reviews-${index}`, "127.0.0.1", { app: "reviews" }, place));
    const slices = await Promise.all(
      endpoints.map(async ({ metadata }, index) => {
        const server = createServer((_request, response) => {
          counts[index] = (counts[index] ?? 0) + 1;
          response.end();
        });
        servers.push(server);
        return loopbackSlice("reviews", metadata?.name ?? "", await listening(server));
      }),
    );
    const own = { istio: "ingressgateway", "pod-template-hash": "one" };
    const clients = ["r/a/1", ...peers].map((place, index) => podAt(`front-${index}`, `10.0.1.${index}`, own, place));
    // One of another version, which has its own load.
    clients.push(podAt("canary", "10.0.2.1", { ...own, "pod-template-hash": "two" }, "r/b/1"));
    const port = await freePort();
    const front: Service = {
      metadata: { name: "front", namespace: "default" },
      spec: { clusterIP: "10.96.0.99", selector: { istio: "ingressgateway" }, ports: [{ name: "http", port: 80 }] },
    };
    const server = { port: { number: port, name: "front", protocol: "HTTP" }, hosts: ["*"], bind: "127.0.0.1" };
    const base = bookinfo();
    const input = bookinfo({
      services: new Map([...base.services, ["default/front", front]]),
      pods: keyed([...endpoints, ...clients]),
      endpointSlices: keyed([...slices, slice("front", clients, 80)]),
      virtualServices: keyed([
        virtualService("web", {
          hosts: ["*"],
          gateways: ["front"],
          http: [{ route: [{ destination: { host: "reviews" } }] }],
        }),
      ]),
      destinationRules: keyed([destinationRule("policy", { host: "reviews", trafficPolicy: { loadBalancer } })]),
      gateways: keyed([gateway("front", { selector: { istio: "ingressgateway" }, servers: [server] })]),
    });
    const running = await runGateway(input, port, { name: "front-0", namespace: "default", peerLabels });
    try {
      for (let call = 0; call < calls; call++) await ask(port, "/");
    } finally {
      await running.stop();
    }
    return counts;
  }

  const aware: LoadBalancer = { simple: "ROUND_ROBIN", zoneAwareLbSetting: { enabled: true, minClusterSize: 1 } };
  const half = (count: number | undefined): boolean => count !== undefined && count > calls / 4 && count < calls * 0.75;

  test("a zone that has its part of the endpoints keeps its traffic", async () => {
    assert.deepEqual(await shares(aware, ["r/a/1", "r/b/1"], ["r/b/1"]), [calls, 0]);
  });

  test("what is too much for it goes to the other zones", async () => {
    const [here, there] = await shares(aware, ["r/a/1", "r/b/1"]);
    assert.ok(half(here) && half(there), `${here} ${there}`);
  });

  test("with fewer endpoints than the least number, or switched off, all zones are the same", async () => {
    const large: LoadBalancer = { simple: "ROUND_ROBIN", zoneAwareLbSetting: { minClusterSize: 10 } };
    const off: LoadBalancer = { simple: "ROUND_ROBIN", zoneAwareLbSetting: { enabled: false, minClusterSize: 1 } };
    for (const setting of [large, off]) {
      const [here, there] = await shares(setting, ["r/a/1", "r/b/1"], ["r/b/1"]);
      assert.ok(half(here) && half(there), `${here} ${there}`);
    }
  });

  test("another region gets nothing as long as the own one is well, whether or not the proxy asks for its peers", async () => {
    assert.deepEqual(await shares(aware, ["r/b/1", "s/a/1"]), [calls, 0]);
    assert.deepEqual(await shares(aware, ["r/b/1", "s/a/1"], [], undefined), [calls, 0]);
    assert.deepEqual(await shares(aware, ["s/a/1"]), [calls]);
  });
});
