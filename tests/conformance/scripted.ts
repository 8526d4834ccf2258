import assert from "node:assert/strict";
import { connect as connectTcp, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { WebSocket } from "ws";
import { judgeHttp } from "./judge.ts";
import { kubectl } from "./kubectl.ts";
import { callFromMesh } from "./mesh-client.ts";
import { countAt } from "./mirrors.ts";
import { sendHttp } from "./requests.ts";
import { checkStatus } from "./status.ts";
import { gatewaysOf, type Item, type ReadyGateway, targetFor } from "./targets.ts";

/** What a check finds around it. */
export interface Surroundings {
  readonly rootPem: string;
  readonly items: readonly Item[];
  readonly eventually: (name: string, check: () => Promise<void>) => Promise<void>;
}

const infra = "gateway-conformance-infra";
const backend = "tls-backend";
const timeoutMs = 8_000;

/** Checks of the tests that are only described, by their names. */
export const scripted: Readonly<Record<string, (surroundings: Surroundings) => Promise<void>>> = {
  BackendTLSPolicy: (surroundings) =>
    byPath(surroundings, "abc.example.com", {
      "/backendtlspolicy": 200,
      "/backendtlspolicy-host-mismatch": 503,
      "/backendtlspolicy-cert-mismatch": 503,
      "/backendtlspolicy-reconcile-test": 200,
    }),
  BackendTLSPolicySANValidation: (surroundings) =>
    byPath(surroundings, "abc.example.com", {
      "/backendtlspolicy-san-dns": 200,
      "/backendtlspolicy-san-dns-mismatch": 503,
      "/backendtlspolicy-san-uri": 200,
      "/backendtlspolicy-san-uri-mismatch": 503,
      "/backendtlspolicy-multiple-sans": 200,
      "/backendtlspolicy-multiple-mismatch-sans": 503,
    }),
  GatewayModifyListeners: modifyListeners,
  GatewayObservedGenerationBump: ({ eventually }) =>
    observed(eventually, "gateways.gateway.networking.k8s.io", "gateway-observed-generation-bump", [
      { op: "add", path: "/spec/listeners/-", value: { name: "alternate", port: 8080, protocol: "HTTP" } },
      `Gateway infra/gateway-observed-generation-bump: Accepted=True/Accepted`,
    ]),
  GatewayClassObservedGenerationBump: async ({ eventually }) => {
    const patch = JSON.stringify([{ op: "add", path: "/spec/description", value: "new" }]);
    await kubectl(["patch", "gatewayclass", "gatewayclass-observed-generation-bump", "--type=json", "-p", patch]);
    await eventually("status", () =>
      checkStatus("GatewayClass infra/gatewayclass-observed-generation-bump: Accepted=True"),
    );
  },
  HTTPRouteObservedGenerationBump: ({ eventually }) =>
    observed(eventually, "httproute", "observed-generation-bump", [
      { op: "replace", path: "/spec/rules/0/backendRefs/0/name", value: "infra-backend-v2" },
      "HTTPRoute infra/observed-generation-bump parent: Accepted=True/Accepted",
    ]),
  HTTPRouteBackendProtocolWebSocket: ({ items, eventually }) =>
    eventually("an echo over a WebSocket", async () => {
      const { address } = await onlyGateway(items);
      assert.equal(await webSocketEcho(`ws://${address}/ws`, "hello"), "hello");
    }),
  HTTPRouteRetry: (surroundings) =>
    attempts(surroundings, {
      "/retry/code-500-attempts-3?status=500": { status: 500, tries: 4 },
      "/retry/code-500-attempts-3?status=501": { status: 501, tries: 1 },
      "/retry/code-all-attempts-2?status=504": { status: 504, tries: 3 },
    }),
  HTTPRouteRetryWithTimeouts: (surroundings) =>
    attempts(surroundings, {
      "/retry/backend-request-timeout-200ms?delay=1s": { status: 504, tries: 3 },
      "/retry/request-timeout-200ms?delay=1s": { status: 504, tries: 2 },
    }),
  MeshHTTPRouteBackendRequestHeaderModifier: async ({ eventually }) => {
    const cases = [
      { path: "/set", headers: { "X-Header-Set": "old" }, wanted: { "X-Header-Set": "set-overwrites-values" } },
      { path: "/add", headers: { "X-Header-Add": "old" }, wanted: { "X-Header-Add": "old,add-appends-values" } },
    ];
    for (const { path, headers, wanted } of cases) {
      const expectedRequest = { request: { path, headers: wanted } };
      const expected = { request: { host: "echo", path, headers }, expectedRequest, backend: "echo-v1" };
      await eventually(path, () => callFromMesh(expected, true));
    }
  },
  TCPRouteMultipleRoutesAttachment: async ({ items, eventually }) => {
    const older = items.find(({ kind }) => kind === "TCPRoute");
    const younger = { ...older, metadata: { name: "tcproute-attach-younger", namespace: infra } };
    const { address } = await onlyGateway(items);
    // Ages are told apart by the second.
    await sleep(1_100);
    await kubectl(["apply", "-f", "-"], JSON.stringify(younger));
    for (const text of [
      "TCPRoute infra/tcproute-attach-younger parent: Accepted=True/Accepted",
      "TCPRoute infra/tcproute-attach-older parent: Accepted=True/Accepted",
      "Gateway infra/tcp-multi-route-attach-gateway listener tcp: attached=1",
    ])
      await eventually("status", () => checkStatus(text));
    await eventually("the older", async () =>
      assert.match(await podOver(connectTcp(9310, address)), /^tcp-attach-backend-1-/),
    );
    await kubectl(["-n", infra, "delete", "tcproute", "tcproute-attach-younger"]);
  },
  TCPRouteParentRefPortAndSectionName: async ({ items, eventually }) => {
    const { address } = await onlyGateway(items);
    for (const [port, name] of [
      [9300, "tcp-echo-one"],
      [9301, "tcp-echo-two"],
      [9302, "tcp-echo-three"],
    ] as const)
      await eventually(name, async () =>
        assert.match(await podOver(connectTcp(port, address)), new RegExp(`^${name}-`)),
      );
  },
  TCPRouteWeightedRouting: async ({ items, eventually }) => {
    const { address } = await onlyGateway(items);
    await eventually("shares", async () => {
      const counts = new Map<string, number>();
      for (let index = 0; index < 100; index++) {
        const name = (await podOver(connectTcp(9300, address))).split("-").slice(0, 3).join("-");
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      assert.ok(Math.abs((counts.get("tcp-backend-v1") ?? 0) - 70) <= 15, JSON.stringify([...counts]));
      assert.equal(counts.get("tcp-backend-v3"), undefined);
    });
  },
  TLSRouteSimpleSameNamespace: async ({ items, rootPem, eventually }) => {
    const { address } = await onlyGateway(items);
    await eventually("TLS goes through", async () => {
      const socket = connectTls({ host: address, port: 443, servername: "abc.example.com", ca: rootPem });
      assert.match(await podOver(socket), /^tcp-backend-/);
    });
  },
};

async function byPath(
  { items, rootPem, eventually }: Surroundings,
  host: string,
  paths: Readonly<Record<string, number>>,
): Promise<void> {
  const gateways = await gatewaysOf(items);
  const gateway = gateways.find((one) => one.gateway.metadata.name === "same-namespace");
  assert.ok(gateway);
  for (const [path, statusCode] of Object.entries(paths))
    await eventually(path, async () => {
      const answer = await sendHttp(targetFor(gateway, host, rootPem), { host, path });
      judgeHttp({ request: { path }, response: { statusCode }, ...(statusCode === 200 ? { backend } : {}) }, answer);
    });
}

/** The backends' logs tell how often a request was tried. */
async function attempts(
  { items, rootPem, eventually }: Surroundings,
  paths: Readonly<Record<string, { readonly status: number; readonly tries: number }>>,
): Promise<void> {
  const gateway = await onlyGateway(items);
  const target = { name: "infra-backend-v3", namespace: infra };
  for (const [path, { status, tries }] of Object.entries(paths))
    await eventually(path, async () => {
      const before = await countAt(target, path);
      const answer = await sendHttp(targetFor(gateway, "", rootPem), { path });
      assert.equal(answer.status, status, "status");
      // A try that was given up is written when the backend is done with it.
      await sleep(1_500);
      assert.equal((await countAt(target, path)) - before, tries, "tries");
    });
}

async function modifyListeners({ eventually }: Surroundings): Promise<void> {
  const http = { name: "http", port: 80, protocol: "HTTP", allowedRoutes: { namespaces: { from: "All" } } };
  await patch("gateways.gateway.networking.k8s.io", "gateway-add-listener", [
    { op: "add", path: "/spec/listeners/-", value: http },
  ]);
  await patch("gateways.gateway.networking.k8s.io", "gateway-remove-listener", [
    { op: "remove", path: "/spec/listeners/0" },
  ]);
  for (const text of [
    "Gateway infra/gateway-add-listener: Programmed=True",
    "Gateway infra/gateway-add-listener listener http: Accepted=True attached=1",
    "Gateway infra/gateway-add-listener listener https: Accepted=True attached=1",
    "Gateway infra/gateway-remove-listener: Programmed=True",
    "Gateway infra/gateway-remove-listener listener http: Accepted=True attached=1",
  ])
    await eventually("status", () => checkStatus(text));
}

async function observed(
  eventually: Surroundings["eventually"],
  type: string,
  name: string,
  [operation, text]: readonly [object, string],
): Promise<void> {
  await patch(type, name, [operation]);
  await eventually("status", () => checkStatus(text));
}

async function patch(type: string, name: string, operations: readonly object[]): Promise<void> {
  await kubectl(["-n", infra, "patch", type, name, "--type=json", "-p", JSON.stringify(operations)]);
}

async function onlyGateway(items: readonly Item[]): Promise<ReadyGateway> {
  const [gateway] = await gatewaysOf(items);
  assert.ok(gateway?.address, "the Gateway has no address");
  return gateway;
}

/** The pod that answers on a connection; the echo server says it in JSON. */
function podOver(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed without an answer")));
    socket.once("data", (data: Buffer) => {
      resolve((JSON.parse(data.toString("utf8")) as { pod: string }).pod);
      socket.destroy();
    });
    socket.write("hello\n");
  });
}

function webSocketEcho(url: string, message: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { handshakeTimeout: timeoutMs });
    socket.on("error", reject);
    socket.on("open", () => socket.send(message));
    socket.on("message", (data: Buffer) => {
      resolve(data.toString("utf8"));
      socket.close();
    });
  });
}
