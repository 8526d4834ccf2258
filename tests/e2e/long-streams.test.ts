import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeObject } from "#kube/object.ts";
import { type Mesh, programs, startMesh, workload } from "./mesh.ts";
import { isRoot } from "./weft-command.ts";

/** `npm run test:long` gives ten minutes. */
const seconds = Number(process.env["WEFT_STREAM_SECONDS"] ?? 20);
const ports = [
  { name: "http", port: 80, targetPort: 8080 },
  { name: "grpc", port: 82, targetPort: 8082 },
];
const istio = (kind: string, name: string, spec: object): KubeObject =>
  ({ apiVersion: "networking.istio.io/v1", kind, metadata: { name }, spec }) as KubeObject;

let mesh: Mesh | undefined;
before(async () => {
  if (isRoot) mesh = await startMesh(`e2e-${process.pid}-s`);
});
after(() => mesh?.down());

test(`a WebSocket and a gRPC stream live through ${seconds} s of changing configuration`, {
  skip: !isRoot && "needs root",
}, async () => {
  assert.ok(mesh);
  await mesh.apply(
    programs("protocols.ts", "streams.ts", "libraries.ts"),
    ...workload({ name: "all", args: ["/programs/protocols.ts"], ports }),
    ...workload({ name: "caller", args: ["-e", "setInterval(() => {}, 1e9)"] }),
  );
  await mesh.rolledOut("all-v1");
  await mesh.rolledOut("caller-v1");
  const [caller] = await mesh.pods("caller");
  const command = ["node", "/programs/streams.ts", "all", String(seconds)];
  const over = new AbortController();
  const streams = mesh.run(caller?.metadata?.name ?? "", command, seconds + 60).finally(() => over.abort());
  // It is looked at below; until then it mustn't count as lost.
  streams.catch(() => {});
  let pushes = 0;
  for (; !over.signal.aborted; pushes++) {
    const version = { name: `v${pushes % 3}`, labels: { version: "v1" } };
    const http = { http2MaxRequests: 100 + (pushes % 50) };
    await mesh.apply(
      istio("DestinationRule", "all", {
        host: "all",
        subsets: [version],
        trafficPolicy: { connectionPool: { http } },
      }),
      istio("VirtualService", "all", {
        hosts: ["all"],
        http: [
          {
            headers: { request: { set: { "x-push": String(pushes) } } },
            route: [{ destination: { host: "all" } }],
          },
        ],
      }),
      ...(pushes % 5 === 0
        ? workload({ name: `other${pushes % 4}`, args: ["-e", "setInterval(() => {}, 1e9)"], ports, replicas: 0 })
        : []),
    );
    await sleep(1_000);
  }
  const result = JSON.parse(await streams) as Record<
    string,
    { sent: number; answered: number; broken?: string } | undefined
  >;
  for (const name of ["webSocket", "grpcStream"]) {
    const { sent = 0, answered, broken } = result[name] ?? {};
    assert.equal(broken, undefined, `${name}: ${JSON.stringify(result[name])}`);
    assert.equal(answered, sent, name);
    assert.ok(sent >= seconds * 1.5, `${name} sent ${sent}`);
  }
  assert.ok(pushes >= seconds / 4, `${pushes} pushes`);
});
