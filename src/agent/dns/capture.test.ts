import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { decode, encode } from "dns-packet";
import type { ServiceEntry } from "#api/istio/service-entry.ts";
import { generateSet } from "#envoy/generate.ts";
import { silentLog } from "#log/log.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { parseProxy } from "#model/proxy.ts";
import { buildSnapshot } from "#snapshot/build.ts";
import { emptyInput } from "#snapshot/input.ts";
import { proxyView } from "#snapshot/proxy-view.ts";
import { createAdsServer } from "#xds/ads-server.ts";
import { createGrpcServer } from "#xds/grpc-server.ts";
import { createAgentStream } from "../agent-stream.ts";
import { agentSettings } from "../settings.ts";
import { shareSession } from "../shared-session.ts";
import { startDnsCapture } from "./capture.ts";

test("the agent answers with what istiod says, and with what it says next", async () => {
  const entry = (address: string): ServiceEntry => ({
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name: "a", namespace: "shop" },
    spec: { hosts: ["a.example"], addresses: [address], ports: [{ number: 80, name: "http" }], resolution: "STATIC" },
  });
  const snapshotOf = (address: string) =>
    buildSnapshot(
      undefined,
      { ...emptyInput(defaultMeshConfig), serviceEntries: new Map([["shop/a", entry(address)]]) },
      {},
    );
  let snapshot = snapshotOf("10.9.0.1");
  const ads = createAdsServer({
    log: silentLog,
    controlPlane: "test",
    authenticate() {},
    open(client) {
      const proxy = parseProxy(client);
      assert.ok(typeof proxy !== "string");
      assert.equal(proxy.capturesDns, true);
      return {
        id: "web.shop",
        view: () => ({
          version: String(snapshot.generation),
          generate: (typeUrl, names) => generateSet(proxyView(snapshot, proxy), typeUrl, names),
        }),
      };
    },
  });
  const grpc = createGrpcServer({ methods: ads.methods, log: silentLog });
  const port = await grpc.listen(0, "127.0.0.1");
  const env = { POD_NAME: "web", POD_NAMESPACE: "shop", INSTANCE_IP: "127.0.0.1", DNS_PROXY_ADDR: "127.0.0.1:0" };
  const settings = agentSettings(["sidecar"], env, {
    discoveryAddress: `127.0.0.1:${port}`,
    controlPlaneAuthPolicy: "NONE",
  });
  const node = {
    id: "sidecar~127.0.0.1~web.shop~shop.svc.cluster.local",
    cluster: "web.shop",
    locality: {},
    metadata: { NAMESPACE: "shop", DNS_CAPTURE: "true", numbers: [1, null, false], nested: { a: 1.5 } },
  };
  const stream = createAgentStream(shareSession(settings), node, silentLog);
  const capture = await startDnsCapture(settings, stream, silentLog);
  stream.start();
  try {
    await eventually(() => capture.isReady);
    assert.deepEqual(await ask(capture.port, "a.example"), ["10.9.0.1"]);
    snapshot = snapshotOf("10.9.0.2");
    ads.push("all");
    await eventually(async () => (await ask(capture.port, "a.example"))[0] === "10.9.0.2");
  } finally {
    stream.stop();
    await capture.stop();
    ads.stop();
    await grpc.shutdown();
  }
});

async function ask(port: number, name: string): Promise<readonly unknown[]> {
  const socket = createSocket("udp4");
  socket.send(encode({ type: "query", id: 1, questions: [{ name, type: "A" }] }), port, "127.0.0.1");
  const [bytes] = (await once(socket, "message")) as [Buffer];
  socket.close();
  return (decode(bytes).answers ?? []).map((record) => ("data" in record ? record.data : undefined));
}

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await holds()) return;
    await sleep(50);
  }
  assert.fail("it didn't come to hold");
}
