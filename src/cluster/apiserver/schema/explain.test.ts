import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { describeBuiltin } from "./descriptions.ts";
import { openApiHash, openApiV3Document, openApiV3Index } from "./openapi.ts";
import type { ServedKind } from "./openapi-paths.ts";

const skip =
  spawnSync("kubectl", ["version", "--client"]).status === 0 ? false : "no kubectl on the PATH (1.27 or later)";

const verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
const deployments: ServedKind = {
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  namespaced: true,
  verbs,
};
const things: ServedKind = {
  ...deployments,
  group: "x.example.io",
  kind: "Thing",
  plural: "things",
  schema: {
    type: "object",
    properties: {
      spec: {
        type: "object",
        required: ["size"],
        properties: { size: { type: "integer", description: "How large it is." } },
      },
    },
  },
};
const kinds = [deployments, things];

let server: Server;
let cache = "";
const patches: { type: string; body: string }[] = [];

function answer(path: string): object | undefined {
  if (path === "/version") return { major: "1", minor: "32", gitVersion: "v1.32.0" };
  if (path === "/api") return { kind: "APIVersions", versions: [] };
  const groups = kinds.map(({ group, version }) => {
    const entry = { groupVersion: `${group}/${version}`, version };
    return { name: group, versions: [entry], preferredVersion: entry };
  });
  if (path === "/apis") return { kind: "APIGroupList", apiVersion: "v1", groups };
  for (const kind of kinds) {
    const gv = `${kind.group}/${kind.version}`;
    const resource = { name: kind.plural, singularName: "", namespaced: true, kind: kind.kind, verbs };
    if (path === `/apis/${gv}`) return { kind: "APIResourceList", groupVersion: gv, resources: [resource] };
    if (path === `/openapi/v3/apis/${gv}`) return openApiV3Document(kind, kinds, describeBuiltin);
  }
  if (path !== "/openapi/v3") return undefined;
  return openApiV3Index(kinds.map((kind) => ({ ...kind, hash: openApiHash([kind]) })));
}

/** As `kubectl apply` left it, with a container that somebody injected. */
const spec = (image: string): object => ({
  selector: { matchLabels: { a: "b" } },
  template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "app", image }] } },
});
const deployment = (image: string): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "d", namespace: "default" },
  spec: spec(image),
});
const applied = JSON.stringify(deployment("i:1"));
const live = structuredClone(deployment("i:1")) as {
  metadata: Record<string, unknown>;
  spec: { template: { spec: { containers: object[] } } };
};
live.metadata["annotations"] = { "kubectl.kubernetes.io/last-applied-configuration": `${applied}\n` };
live.spec.template.spec.containers.unshift({ name: "injected", image: "p" });

before(async () => {
  cache = mkdtempSync(join(tmpdir(), "weft-explain-"));
  server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://host").pathname;
    const isObject = path === "/apis/apps/v1/namespaces/default/deployments/d";
    if (request.method === "PATCH") {
      let body = "";
      for await (const chunk of request) body += String(chunk);
      patches.push({ type: request.headers["content-type"] ?? "", body });
    }
    const found = isObject ? live : answer(path);
    response.writeHead(found ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(found ?? { kind: "Status", apiVersion: "v1", status: "Failure", code: 404 }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});

after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(cache, { recursive: true, force: true });
});

async function kubectl(input: string, ...args: string[]): Promise<string> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const child = spawn("kubectl", ["--server", url, "--cache-dir", cache, ...args], {
    env: { ...process.env, KUBECONFIG: "/dev/null" },
  });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stdin.end(input);
  await once(child, "close");
  return out;
}

test("kubectl explain finds built-in and custom kinds", { skip }, async () => {
  const strategy = await kubectl("", "explain", "deployment.spec.strategy");
  assert.match(strategy, /FIELD: strategy <DeploymentStrategy>/);
  assert.match(strategy, /rollingUpdate\s+<RollingUpdateDeployment>/);
  assert.match(strategy, /DESCRIPTION:\n\s+The deployment strategy to use/);
  const surge = await kubectl("", "explain", "deployment.spec.strategy.rollingUpdate.maxSurge");
  assert.match(surge, /FIELD: maxSurge <IntOrString>/);
  const thing = await kubectl("", "explain", "things.spec");
  assert.match(thing, /size\s+<integer> -required-\n\s+How large it is\./);
});

test("kubectl apply makes its patch from the document's merge keys", { skip }, async () => {
  const out = await kubectl(JSON.stringify(deployment("i:2")), "apply", "-v=6", "-f", "-");
  assert.match(out, /deployment\.apps\/d configured/);
  assert.equal(patches[0]?.type, "application/strategic-merge-patch+json");
  const { spec } = JSON.parse(patches[0].body) as { spec: { template: { spec: object } } };
  assert.deepEqual(spec.template.spec, {
    "$setElementOrder/containers": [{ name: "app" }],
    containers: [{ name: "app", image: "i:2" }],
  });
  assert.match(out, /fieldValidation=Strict/, "validated by the server, as the document promises");
});
