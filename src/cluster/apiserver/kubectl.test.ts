import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { resourceTypes } from "#kube/resource-types.ts";
import { type ApiUnderTest, startApi } from "./api-under-test.ts";

const skip =
  spawnSync("kubectl", ["version", "--client"]).status === 0 ? false : "no kubectl on the PATH (any from 1.27 will do)";

let api: ApiUnderTest;
before(async () => {
  api = await startApi();
  await api.client.create(resourceTypes.serviceAccounts, { metadata: { name: "default", namespace: "default" } });
});
after(() => api.close());

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

const common = (): string[] => [`--kubeconfig=${api.kubeconfig}`, `--cache-dir=${join(api.kubeconfig, "..", "cache")}`];

function run(args: readonly string[], input?: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile("kubectl", [...args, ...common()], { timeout: 20_000 }, (failure, out, error) =>
      resolve({ code: failure ? Number(failure.code ?? 1) : 0, out, error }),
    );
    child.stdin?.end(input);
  });
}

async function kubectl(line: string, input?: string): Promise<string> {
  const { code, out, error } = await run(line.split(" "), input);
  assert.equal(code, 0, `kubectl ${line}: ${error}`);
  return out;
}

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: "nginx:1.27", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
`;

test("create, label and describe a namespace", { skip }, async () => {
  // create sends protobuf
  assert.equal(await kubectl("create namespace shop"), "namespace/shop created\n");
  await kubectl("label namespace shop istio-injection=enabled");
  assert.match(await kubectl("describe ns shop"), /istio-injection=enabled/);
  assert.match(await kubectl("get ns shop --no-headers"), /^shop +Active +\d+s\n$/);
});

test("apply twice, look, scale, change", { skip }, async () => {
  assert.equal(await kubectl("apply -f -", deployment), "deployment.apps/web created\nservice/web created\n");
  assert.equal(await kubectl("apply -f -", deployment), "deployment.apps/web unchanged\nservice/web unchanged\n");
  assert.match(
    await kubectl("get deploy web -o wide --no-headers"),
    /^web +0\/2 +0 +0 +\d+s +app +nginx:1\.27 +app=web\n$/,
  );
  assert.match(
    await kubectl("get services web --no-headers"),
    /^web +ClusterIP +10\.96\.0\.\d+ +<none> +80\/TCP +\d+s\n$/,
  );
  await kubectl("scale deployment web --replicas=3");
  assert.equal(await kubectl("get deploy web -o jsonpath={.spec.replicas}"), "3");
  await kubectl("set image deployment/web app=nginx:1.28");
  assert.match(await kubectl("get deploy web -o yaml"), /image: nginx:1\.28/);
  assert.equal(
    await kubectl("apply --server-side --force-conflicts -f -", deployment),
    "deployment.apps/web serverside-applied\nservice/web serverside-applied\n",
  );
  assert.equal(await kubectl("get deploy web -o jsonpath={.metadata.generation}"), "4");
});

test("a watch prints rows as they change, and wait sees a deletion", { skip }, async () => {
  await kubectl("create configmap seen --from-literal=a=b");
  const watching = spawn("kubectl", ["get", "configmap", "seen", "-w", "--no-headers", ...common()], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let rows = "";
  const changed = new Promise<void>((resolve) => {
    watching.stdout.on("data", (chunk: Buffer) => {
      rows += chunk.toString();
      if (/^seen +2 /m.test(rows)) resolve();
    });
  });
  await once(watching.stdout, "data");
  await kubectl('patch configmap seen -p {"data":{"c":"d"}}');
  await changed;
  watching.kill();
  await once(watching, "close");
  await Promise.all([kubectl("wait --for=delete configmap/seen --timeout=10s"), kubectl("delete configmap seen")]);
});

test("what is wrong is said as on any cluster", { skip }, async () => {
  const missing = await run(["get", "pod", "nope"]);
  assert.equal(missing.error, 'Error from server (NotFound): pods "nope" not found\n');
  const typo = await run(["apply", "-f", "-"], deployment.replace("replicas:", "replica:"));
  assert.match(typo.error, /strict decoding error: unknown field "spec\.replica"/);
  const bad = await run(["create", "service", "clusterip", "Bad", "--tcp=80"]);
  assert.match(bad.error, /a DNS-1035 label must consist of/);
});

test("definitions, their objects and columns", { skip }, async () => {
  const definition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "gadgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "gadgets", kind: "Gadget", shortNames: ["gd"] },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: { spec: { type: "object", properties: { size: { type: "integer" } } } },
            },
          },
          additionalPrinterColumns: [{ name: "Size", type: "integer", jsonPath: ".spec.size" }],
        },
      ],
    },
  };
  await kubectl("apply -f -", JSON.stringify(definition));
  await kubectl("wait --for=condition=established crd/gadgets.example.com --timeout=5s");
  await kubectl(
    "apply -f -",
    JSON.stringify({ apiVersion: "example.com/v1", kind: "Gadget", metadata: { name: "g" }, spec: { size: 3 } }),
  );
  assert.equal(await kubectl("get gd"), "NAME   SIZE\ng      3\n");
  assert.match(
    await kubectl("get crd -o name"),
    /^customresourcedefinition\.apiextensions\.k8s\.io\/gadgets\.example\.com$/m,
  );
  await kubectl("delete crd gadgets.example.com");
});

test("who may do what", { skip }, async () => {
  await kubectl("create serviceaccount bot");
  assert.match(await kubectl("create token bot --duration=10m"), /^ey/);
  assert.equal(await kubectl("auth can-i create deployments"), "yes\n");
  const asAccount = await run(["auth", "can-i", "list", "pods", "--as=system:serviceaccount:default:bot"]);
  assert.equal(asAccount.out, "no\n");
  await kubectl("create rolebinding bot-views --clusterrole=view --serviceaccount=default:bot");
  const after = await run(["auth", "can-i", "list", "pods", "--as=system:serviceaccount:default:bot"]);
  assert.equal(after.out, "yes\n");
});
