import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { WorkloadEntry } from "#api/istio/workload-entry.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Condition } from "#status/condition.ts";
import { type Mesh, namespace, programs, startMesh, workload } from "./mesh.ts";
import { isRoot } from "./weft-command.ts";

const outside = "outside";

/** A server that says its name at once, before the client says anything. */
const greeter = `require("net").createServer((s) => s.end(process.env.HOSTNAME ?? require("os").hostname())).listen(7000)`;
/** HTTP on the loopback alone. */
const local = `require("http").createServer((q, a) => a.end("local")).listen(8080, "127.0.0.1")`;
/** HTTP, well until it is told otherwise. */
const moody = `let well = true; require("http").createServer((q, a) => {
  if (q.url === "/off") well = false;
  a.statusCode = q.url === "/healthz" && !well ? 503 : 200;
  a.end("registered");
}).listen(8080)`;
/** Says whom its proxy takes the client for. */
const says = `require("http").createServer((q, a) => a.end(q.headers["x-forwarded-client-cert"])).listen(8080)`;
/** Prints what the server at HOST:PORT says first, or the error. */
const listen = `require("net").connect(+process.argv[2], process.argv[1]).on("data", (d) => process.stdout.write(d)).on("error", (e) => console.log(e.code))`;

function resource(kind: string, name: string, spec: object): KubeObject {
  return { apiVersion: "networking.istio.io/v1", kind, metadata: { name }, spec } as KubeObject;
}

/** A gateway proxy that is injected. */
function gatewayDeployment(name: string, labels: Readonly<Record<string, string>>): KubeObject {
  const annotations = { "inject.istio.io/templates": "gateway" };
  const env = [{ name: "ISTIO_META_REQUESTED_NETWORK_VIEW", value: labels["topology.istio.io/network"] }];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      selector: { matchLabels: { istio: name } },
      template: {
        metadata: { labels: { ...labels, "sidecar.istio.io/inject": "true" }, annotations },
        spec: { containers: [{ name: "istio-proxy", image: "auto", env }] },
      },
    },
  } as KubeObject;
}

describe("what lies outside of the mesh, and what a Sidecar says", { skip: !isRoot && "needs root" }, () => {
  let mesh: Mesh;
  let client: string;
  const addresses: string[] = [];

  before(async () => {
    mesh = await startMesh(`e2e-${process.pid}-o`);
    await mesh.client.create(resourceTypes.namespaces, { metadata: { name: outside } });
    await mesh.apply(
      programs("ask.ts"),
      ...workload({
        name: "client",
        args: ["-e", "setInterval(() => {}, 1e6)"],
        annotations: {
          "proxy.istio.io/config": JSON.stringify({ proxyMetadata: { ISTIO_META_DNS_CAPTURE: "true" } }),
        },
      }),
      ...workload({ name: "local", args: ["-e", local], ports: [{ name: "http", port: 80, targetPort: 9080 }] }),
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "db", namespace: outside },
        spec: { clusterIP: "None", selector: { app: "db" }, ports: [{ name: "tcp", port: 7000 }] },
      } as KubeObject,
      {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "db", namespace: outside },
        spec: {
          serviceName: "db",
          replicas: 2,
          selector: { matchLabels: { app: "db" } },
          template: {
            metadata: { labels: { app: "db" } },
            spec: { containers: [{ name: "app", image: "node:24", command: ["node", "-e", greeter] }] },
          },
        },
      } as KubeObject,
    );
    await Promise.all(["client-v1", "local-v1"].map((name) => mesh.rolledOut(name)));
    for (const name of ["db-0", "db-1"]) {
      await eventually(async () => {
        const pod = (await mesh.pods("db", outside)).find(({ metadata }) => metadata?.name === name);
        assert.ok(pod?.status?.podIP);
        addresses.push(pod.status.podIP);
      });
    }
    client = (await mesh.pods("client"))[0]?.metadata?.name ?? "";
  });
  after(() => mesh.down());

  const hear = (host: string, port = 7000): Promise<string> =>
    mesh.run(client, ["node", "-e", listen, host, String(port)]);

  test("hosts that share a port of plain TCP are told apart by the addresses that they are given", async () => {
    const entry = (name: string, address: string | undefined) =>
      resource("ServiceEntry", name, {
        hosts: [`${name}.example.com`],
        ports: [{ number: 7000, name: "tcp", protocol: "TCP" }],
        resolution: "STATIC",
        endpoints: [{ address }],
      });
    await mesh.apply(entry("one", addresses[0]), entry("two", addresses[1]));
    await eventually(async () => {
      assert.equal(await hear("one.example.com"), "db-0");
      assert.equal(await hear("two.example.com"), "db-1");
    });
  });

  test("pods of a StatefulSet are called by name", async () => {
    assert.equal(await hear(`db-1.db.${outside}`), "db-1");
    assert.equal(await hear(`db-0.db.${outside}.svc.cluster.local`), "db-0");
  });

  test("a Service takes in a workload that isn't a pod", async () => {
    await mesh.apply(
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "vm" },
        spec: { selector: { app: "vm" }, ports: [{ name: "tcp", port: 9000, targetPort: 7000 }] },
      } as KubeObject,
      resource("WorkloadEntry", "vm", { address: addresses[1], labels: { app: "vm" } }),
    );
    await eventually(async () => assert.equal(await hear("vm", 9000), "db-1"));
  });

  test("a workload that registers with its group takes traffic while its agent finds it well", async () => {
    const config = {
      proxyMetadata: { ISTIO_META_AUTO_REGISTER_GROUP: "machines" },
      readinessProbe: { httpGet: { path: "/healthz", port: 8080 }, periodSeconds: 1 },
    };
    await mesh.apply(
      resource("WorkloadGroup", "machines", {
        metadata: { labels: { group: "machines" } },
        template: { ports: { http: 8080 } },
      }),
      resource("ServiceEntry", "machines", {
        hosts: ["machines.example.com"],
        location: "MESH_INTERNAL",
        ports: [{ number: 80, name: "http", protocol: "HTTP" }],
        resolution: "STATIC",
        workloadSelector: { labels: { group: "machines" } },
      }),
      ...workload({
        name: "machine",
        args: ["-e", moody],
        annotations: { "proxy.istio.io/config": JSON.stringify(config) },
      }),
    );
    await mesh.rolledOut("machine-v1");
    const get = `fetch("http://machines.example.com").then(async (a) => console.log(a.status, await a.text()))`;
    const ask = (): Promise<string> => mesh.run(client, ["node", "-e", get]);
    await eventually(async () => assert.equal(await ask(), "200 registered\n"));
    const [machine] = await mesh.pods("machine");
    await mesh.run(machine?.metadata?.name ?? "", ["node", "-e", `fetch("http://127.0.0.1:8080/off")`]);
    await eventually(async () => assert.match(await ask(), /^503 /));
    const { items } = await mesh.client.list<WorkloadEntry>(resourceTypes.workloadEntries, { namespace });
    const entry = items.find(({ metadata }) => metadata.name?.startsWith("machines-"));
    const { conditions } = (entry?.status ?? {}) as { conditions?: Condition[] };
    assert.match(conditions?.find(({ type }) => type === "Healthy")?.message ?? "", /gives 503/);
  });

  test("what another network has is called by its gateway, who calls is known there", async () => {
    const network = "topology.istio.io/network";
    const intoTwo = resource("Gateway", "into-two", {
      selector: { istio: "into-two" },
      servers: [
        {
          port: { number: 15443, name: "tls", protocol: "TLS" },
          tls: { mode: "AUTO_PASSTHROUGH" },
          hosts: ["*.local"],
        },
      ],
    });
    const labels = { istio: "into-two", [network]: "two" };
    await mesh.apply(
      ...workload({ name: "near", args: ["-e", "setInterval(() => {}, 1e6)"], labels: { [network]: "one" } }),
      ...workload({
        name: "far",
        args: ["-e", says],
        ports: [{ name: "http", port: 80, targetPort: 8080 }],
        labels: { [network]: "two" },
      }),
      gatewayDeployment("into-two", labels),
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "into-two", labels },
        spec: { type: "LoadBalancer", selector: { istio: "into-two" }, ports: [{ name: "tls", port: 15443 }] },
      } as KubeObject,
      intoTwo,
    );
    await Promise.all(["near-v1", "far-v1", "into-two"].map((name) => mesh.rolledOut(name)));
    const near = (await mesh.pods("near"))[0]?.metadata?.name ?? "";
    const get = `fetch("http://far").then(async (a) => console.log(a.status, await a.text()))`;
    const ask = (from: string): Promise<string> => mesh.run(from, ["node", "-e", get]);
    await eventually(async () =>
      assert.match(await ask(near), /^200 .*URI=spiffe:\/\/cluster.local\/ns\/shop\/sa\/default/),
    );
    // Without the gateway's listener there is no way; a client whose network isn't known needs none.
    await mesh.remove(intoTwo);
    await eventually(async () => assert.match(await ask(near), /^503 /));
    assert.match(await ask(client), /^200 /);
  });

  test("a workload that listens on its loopback is reached by what its Sidecar says", async () => {
    await mesh.apply(
      resource("Sidecar", "local", {
        workloadSelector: { labels: { app: "local" } },
        ingress: [{ port: { number: 9080, protocol: "HTTP", name: "http" }, defaultEndpoint: "127.0.0.1:8080" }],
      }),
    );
    const get = `fetch("http://local").then(async (a) => console.log(a.status, await a.text()))`;
    await eventually(async () => assert.equal(await mesh.run(client, ["node", "-e", get]), "200 local\n"));
  });

  test("a Sidecar that brings in nothing else leaves nothing else to be called", async () => {
    await mesh.apply(
      resource("Sidecar", "default", {
        outboundTrafficPolicy: { mode: "REGISTRY_ONLY" },
        egress: [{ hosts: ["./two.example.com"] }],
      }),
    );
    await eventually(async () => assert.equal(await hear(String(addresses[0])), ""));
    assert.equal(await hear("two.example.com"), "db-1");
  });
});

async function eventually(holds: () => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await holds();
      return;
    } catch (error) {
      if (attempt > 60) throw error;
      await sleep(500);
    }
  }
}
