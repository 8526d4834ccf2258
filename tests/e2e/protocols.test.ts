import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { KubeObject } from "#kube/object.ts";
import { authorityFrom, createSelfSignedRoot, issue } from "../../src/ca/certificate.ts";
import { generateKeyPair } from "../../src/x509/key-pair.ts";
import { goTool } from "./go-tool.ts";
import { type Http2Conformance, http2Conformance } from "./h2spec.ts";
import { type Mesh, namespace, programs, startMesh, workload } from "./mesh.ts";
import { isRoot } from "./weft-command.ts";

const api = "networking.istio.io/v1";

/** A ConfigMap with a certificate and a key for each name. */
async function certificates(names: readonly string[]): Promise<KubeObject> {
  const now = new Date();
  const root = await createSelfSignedRoot("test", now);
  const authority = authorityFrom({ certificate: root.certificatePem, key: root.keyPem });
  const data: Record<string, string> = {};
  for (const name of names) {
    const { publicKey, privateKey } = await generateKeyPair();
    const options = { publicKey, names: [{ dns: `${name}.example.com` }], lifetimeMs: 3_600_000, now };
    data[`${name}.crt`] = issue(authority, options);
    data[`${name}.key`] = String(privateKey.export({ type: "pkcs8", format: "pem" }));
  }
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "certificates" }, data } as KubeObject;
}

const service = (name: string, spec: object): KubeObject =>
  ({ apiVersion: "v1", kind: "Service", metadata: { name }, spec }) as KubeObject;
const istio = (kind: string, name: string, spec: object): KubeObject =>
  ({ apiVersion: api, kind, metadata: { name }, spec }) as KubeObject;

const ports = [
  { name: "http", port: 80, targetPort: 8080 },
  { name: "http2", port: 81, targetPort: 8081 },
  { name: "grpc", port: 82, targetPort: 8082 },
  { name: "grpc-web", port: 83, targetPort: 8082 },
  { name: "tcp", port: 9000 },
  { name: "tcp-proxy", port: 8888 },
  { name: "tcp-first", port: 9001 },
  // Nothing says what it speaks, but 3306 is MySQL's.
  { name: "database", port: 3306 },
  { name: "redis", port: 6379 },
  { name: "mongo", port: 27017 },
  { name: "tls", port: 443, targetPort: 8443 },
  { name: "tls-two", port: 444, targetPort: 8444 },
  { name: "sniffed", port: 7080, targetPort: 8080 },
  { name: "sniffed2", port: 7081, targetPort: 8081 },
  { name: "sniffed-tcp", port: 7000, targetPort: 9000 },
];

describe("what services speak", { skip: !isRoot && "needs root" }, () => {
  let mesh: Mesh;
  let caller: string;
  let podAddress: string;

  before(async () => {
    mesh = await startMesh(`e2e-${process.pid}-t`);
    const volumes = [
      { name: "certificates", mountPath: "/certificates", source: { configMap: { name: "certificates" } } },
    ];
    const all = workload({ name: "all", args: ["/programs/protocols.ts"], ports, volumes });
    const [, deployment] = workload({ name: "member", args: ["/programs/protocols.ts"], ports, volumes });
    const members = (deployment as { spec: object }).spec;
    await mesh.apply(
      programs("protocols.ts", "ask.ts", "libraries.ts"),
      await certificates(["one", "two"]),
      ...all,
      ...workload({ name: "caller", args: ["-e", "setInterval(() => {}, 1e9)"] }),
      // The number that another service has for HTTP.
      service("numbers", { selector: { app: "all" }, ports: [{ name: "tcp", port: 80, targetPort: 9000 }] }),
      service("elsewhere", { type: "ExternalName", externalName: `all.${namespace}.svc.cluster.local` }),
      service("members", { clusterIP: "None", selector: { app: "member" }, ports }),
      {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        metadata: { name: "member" },
        spec: { ...members, serviceName: "members", replicas: 2 },
      } as KubeObject,
      istio("Gateway", "edge", {
        selector: { istio: "ingressgateway" },
        servers: [
          { port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] },
          { port: { number: 31400, name: "tcp", protocol: "TCP" }, hosts: ["*"] },
          { port: { number: 443, name: "tls", protocol: "TLS" }, hosts: ["*"], tls: { mode: "PASSTHROUGH" } },
        ],
      }),
      istio("VirtualService", "edge", {
        hosts: ["*"],
        gateways: ["edge"],
        http: [81, 82, 80].map((number) => ({
          ...(number === 80 ? {} : { match: [{ authority: { exact: `port-${number}` } }] }),
          route: [{ destination: { host: "all", port: { number } } }],
        })),
        tcp: [{ match: [{ port: 31400 }], route: [{ destination: { host: "all", port: { number: 9000 } } }] }],
        tls: Object.entries({ one: 443, two: 444 }).map(([name, number]) => ({
          match: [{ port: 443, sniHosts: [`${name}.example.com`] }],
          route: [{ destination: { host: "all", port: { number } } }],
        })),
      }),
    );
    await Promise.all(["all-v1", "caller-v1"].map((name) => mesh.rolledOut(name)));
    for (const end = Date.now() + 60_000; Date.now() < end; ) {
      const members = await mesh.pods("member");
      if (members.length === 2 && members.every(isReady)) break;
      await new Promise((done) => setTimeout(done, 200));
    }
    podAddress = (await mesh.pods("all"))[0]?.status?.podIP ?? "";
    caller = (await mesh.pods("caller"))[0]?.metadata?.name ?? "";
  });
  after(() => mesh?.down());

  function isReady({ status }: { status?: { conditions?: { type: string; status: string }[] } }): boolean {
    return status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") ?? false;
  }

  const ask = async (kind: string, host: string, port: number, name = host): Promise<string> =>
    (await mesh.run(caller, ["node", "/programs/ask.ts", kind, host, String(port), name])).trim();

  /** From the machine, through the gateway. */
  function askGateway(kind: string, port: number, name: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const program = join(import.meta.dirname, "pods", "ask.ts");
      const child = spawn(process.execPath, [program, kind, mesh.gateway, String(port), name]);
      let text = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => {
          text += chunk.toString();
        });
      child.on("error", reject);
      child.on("close", () => resolve(text.trim()));
    });
  }

  const mongoAnswer = /^2600000001000000[0-9a-f]{8}dd07000000000000001100000001/;
  const inMesh: readonly (readonly [what: string, kind: string, port: number, answer: RegExp])[] = [
    ["HTTP/1.1", "http", 80, /^200 envoy .*"x-envoy-attempt-count":"1"/],
    ["HTTP/2 without TLS", "http2", 81, /^200 envoy HTTP\/2 /],
    ["gRPC, one call", "grpc", 82, /^said hello$/],
    ["gRPC, both ways", "chat", 82, /^heard 0,heard 1,heard 2$/],
    ["gRPC-web", "grpc-web", 83, /^200 application\/grpc-web\+proto .*said hello.*grpc-status:\s*0/s],
    ["WebSocket", "websocket", 80, /^echo hello$/],
    ["CONNECT to a proxy", "connect", 8888, /^200 echo hello$/],
    ["TCP", "tcp", 9000, /^echo hello$/],
    ["a server that speaks first", "first", 9001, /^greetings echo hello$/],
    ["a server that speaks first, on a well-known port", "first", 3306, /^greetings echo hello$/],
    ["Redis", "redis", 6379, /^\+PONG$/],
    ["MongoDB", "mongo", 27017, mongoAnswer],
    ["TLS of the workload's own", "tls", 443, /^DNS:one\.example\.com secret one$/],
    ["HTTP/1.1 that is recognised", "http", 7080, /^200 envoy /],
    ["HTTP/2 that is recognised", "http2", 7081, /^200 envoy HTTP\/2 /],
    ["TCP that is recognised", "tcp", 7000, /^echo hello$/],
  ];
  for (const [what, kind, port, answer] of inMesh)
    test(`through two sidecars: ${what}`, async () => assert.match(await ask(kind, "all", port), answer));

  const atGateway: readonly (readonly [what: string, kind: string, port: number, name: string, answer: RegExp])[] = [
    ["HTTP/1.1", "http", 80, "any", /^200 istio-envoy .*"x-envoy-external-address"/],
    ["HTTP/2 without TLS", "http2", 80, "port-81", /^200 istio-envoy HTTP\/2 /],
    ["gRPC, one call", "grpc", 80, "port-82", /^said hello$/],
    ["gRPC, both ways", "chat", 80, "port-82", /^heard 0,heard 1,heard 2$/],
    ["WebSocket", "websocket", 80, "any", /^echo hello$/],
    ["TCP", "tcp", 31400, "any", /^echo hello$/],
    ["TLS by its name", "tls", 443, "one.example.com", /^DNS:one\.example\.com secret one$/],
    ["TLS by another name", "tls", 443, "two.example.com", /^DNS:two\.example\.com secret two$/],
    ["TLS by no known name", "tls", 443, "three.example.com", /^failed: /],
  ];
  for (const [what, kind, port, name, answer] of atGateway)
    test(`through the gateway: ${what}`, async () => assert.match(await askGateway(kind, port, name), answer));

  test("two services share a number and speak differently", async () => {
    assert.match(await ask("http", "all", 80), /^200 envoy /);
    assert.equal(await ask("tcp", "numbers", 80), "echo hello");
  });

  test("a StatefulSet's pods are called by name, and their headless service too", async () => {
    for (const name of ["member-0", "member-1"]) {
      assert.match(await ask("http", `${name}.members`, 8080), new RegExp(`^200 \\S+ .*"host":"${name}"`));
      assert.match(await ask("tcp", `${name}.members`, 9000), /^echo hello$/);
      assert.match(await ask("grpc", `${name}.members`, 8082), /^said hello$/);
    }
    assert.match(await ask("http", "members", 8080), /"host":"member-[01]"/);
  });

  test("an ExternalName is another name of its target", async () => {
    assert.match(await ask("http", "elsewhere", 80), /^200 envoy /);
    assert.equal(await ask("tcp", "elsewhere", 9000), "echo hello");
  });

  test("a service on its pod's loopback is reached where a Sidecar says so", async () => {
    const port = { number: 9009, name: "tcp", protocol: "TCP" };
    await mesh.apply(
      ...workload({
        name: "inner",
        args: ["/programs/protocols.ts"],
        ports: [{ name: "tcp", port: 9009 }],
        volumes: [
          { name: "certificates", mountPath: "/certificates", source: { configMap: { name: "certificates" } } },
        ],
      }),
    );
    await mesh.rolledOut("inner-v1");
    assert.doesNotMatch(
      await ask("tcp", "inner", 9009),
      /hello/,
      "calls come to the pod's address, not to its loopback",
    );
    await mesh.apply(
      istio("Sidecar", "inner", {
        workloadSelector: { labels: { app: "inner" } },
        ingress: [{ port, defaultEndpoint: "127.0.0.1:9009" }],
      }),
    );
    await new Promise((done) => setTimeout(done, 1_000));
    assert.equal(await ask("tcp", "inner", 9009), "echo hello");
  });

  describe("HTTP/2 conformance (h2spec)", { skip: !goTool("h2spec") && "there is no h2spec: it needs Go" }, () => {
    test("of a gateway and of a sidecar: as good as Envoy's own", async () => {
      const addresses: readonly (readonly [string, number])[] = [
        [mesh.gateway, 80],
        [podAddress, 8081],
      ];
      const look = (): Promise<readonly Http2Conformance[]> =>
        Promise.all(addresses.map(([host, port]) => http2Conformance(host, port)));
      const first = await look();
      for (const { passed } of first) assert.ok(passed >= 120, String(passed));
      if (first.every(({ failed }) => failed.length === 0)) return;
      // Its cases have a time to answer in, which a busy machine may miss once.
      const second = await look();
      second.forEach(({ failed }, index) =>
        assert.deepEqual(
          failed.filter((title) => first[index]?.failed.includes(title)),
          [],
        ),
      );
    });
  });

  describe("load (fortio)", { skip: !goTool("fortio") && "there is no fortio: it needs Go" }, () => {
    before(async () => {
      const fortio = {
        volumes: [
          {
            name: "fortio",
            mountPath: "/fortio",
            source: { hostPath: { path: goTool("fortio") ?? "", type: "File" } },
          },
        ],
      };
      const off = ["-redirect-port", "disabled", "-tcp-port", "disabled", "-udp-port", "disabled"];
      await mesh.apply(
        ...workload({
          name: "fortio-server",
          args: [],
          ports: [
            { name: "http", port: 8080 },
            { name: "grpc", port: 8079 },
          ],
          ...fortio,
          container: { command: ["/fortio", "server", ...off] },
        }),
        ...workload({ name: "fortio", args: [], ...fortio, container: { command: ["sleep", "infinity"] } }),
      );
      await Promise.all(["fortio-server-v1", "fortio-v1"].map((name) => mesh.rolledOut(name)));
    });

    for (const [what, args, good] of [
      ["HTTP", ["http://fortio-server:8080/"], "200"],
      ["gRPC", ["-grpc", "-ping", "fortio-server:8079"], "SERVING"],
    ] as const)
      test(`${what} through two sidecars: every call is answered`, async () => {
        const [pod] = await mesh.pods("fortio");
        const command = ["/fortio", "load", "-qps", "300", "-c", "8", "-t", "8s", "-json", "-", "-quiet", ...args];
        const text = await mesh.run(pod?.metadata?.name ?? "", command, 40);
        const { RetCodes: codes } = JSON.parse(text) as { RetCodes: Readonly<Record<string, number>> };
        assert.deepEqual(Object.keys(codes), [good]);
        assert.ok((codes[good] ?? 0) > 1_000, JSON.stringify(codes));
      });
  });
});
