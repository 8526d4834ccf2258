import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeObject } from "#kube/object.ts";
import { sendHttp } from "../conformance/requests.ts";
import { runProgram } from "../run-program.ts";
import { startMesh } from "./mesh.ts";
import { hasKubectl, isRoot } from "./weft-command.ts";

const root = join(import.meta.dirname, "..", "..");
const accept = resolve(process.env["ACCEPT"] ?? join(root, "..", "shared", "accept"));
const definitions = join(accept, "crds", "gateway-api", "experimental");
const skip =
  !isRoot || !hasKubectl
    ? "needs root and kubectl"
    : !existsSync(definitions)
      ? "the Gateway API's definitions aren't there: set ACCEPT"
      : false;

const infra = "gateway-conformance-infra";
/** One of each kind: listeners, TLS, gRPC, filters, ListenerSets, TCP, the mesh. `npm run test:conformance` has them all. */
const sample = [
  "HTTPRouteMatching",
  "HTTPRouteHTTPSListener",
  "HTTPRouteRewritePath",
  "HTTPRouteRequestMirror",
  "GRPCExactMethodMatching",
  "BackendTLSPolicy",
  "ListenerSetDualParentRefIndependence",
  "GatewayWithAttachedRoutes",
  "TCPRouteParentRefPortAndSectionName",
  "TLSRouteSimpleSameNamespace",
  "MeshConsumerRoute",
];

describe("the Gateway API in a cluster", { skip }, () => {
  let mesh: Awaited<ReturnType<typeof startMesh>> | undefined;

  before(async () => {
    mesh = await startMesh(`e2e-${process.pid}-g`);
  });
  after(() => mesh?.down());

  test("definitions that come after istiod are taken up, and a sample of the conformance tests passes", async () => {
    assert.ok(mesh);
    const files = readdirSync(definitions)
      .filter((file) => file.startsWith("gateway.networking."))
      .map((file) => ["-f", join(definitions, file)]);
    await run("kubectl", ["apply", "--server-side", ...files.flat()], mesh.env);
    const command = [join(root, "tests", "conformance", "run.ts"), ...sample];
    const output = await run(process.execPath, command, { ...mesh.env, ACCEPT: accept });
    assert.match(output, new RegExp(`conformance: ${sample.length} passed, 0 failed, 0 skipped`));
  });

  test("an Ingress of class istio is served by the ingress gateway, and says where", async () => {
    assert.ok(mesh);
    const service = { name: "infra-backend-v1", port: { number: 8080 } };
    const paths = [{ path: "/shop", pathType: "Prefix", backend: { service } }];
    const ingressClass = { apiVersion: "networking.k8s.io/v1", kind: "IngressClass", metadata: { name: "istio" } };
    const ingress = {
      apiVersion: "networking.k8s.io/v1",
      kind: "Ingress",
      metadata: { name: "web", namespace: infra },
    };
    await mesh.apply(
      { ...ingressClass, spec: { controller: "istio.io/ingress-controller" } } as KubeObject,
      {
        ...ingress,
        spec: { ingressClassName: "istio", rules: [{ host: "web.example", http: { paths } }] },
      } as KubeObject,
    );
    const target = { address: mesh.gateway, port: 80, isTls: false, rootPem: "" };
    const statusOf = async (path: string): Promise<number> =>
      (await sendHttp(target, { host: "web.example", path }).catch(() => ({ status: 0 }))).status;
    for (const until = Date.now() + 10_000; (await statusOf("/shop/cart")) !== 200 && Date.now() < until; )
      await sleep(100);
    assert.deepEqual(
      [await statusOf("/shop"), await statusOf("/shop/cart"), await statusOf("/shopping")],
      [200, 200, 404],
    );
    const get = ["-n", infra, "get", "ingress", "web", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}"];
    assert.equal(await run("kubectl", get, mesh.env), mesh.gateway);
  });
});

async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { code, stdout, stderr } = await runProgram(program, args, { env });
  assert.equal(code, 0, `${program}\n${stdout}${stderr}`);
  return stdout + stderr;
}
