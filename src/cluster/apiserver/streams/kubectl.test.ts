import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer as createHttpServer, get as httpGet } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ExecOptions, PodStreams } from "../../pod-streams.ts";
import { PodStreamError } from "../../pod-streams.ts";
import { testCertificate } from "./test-certificate.ts";
import { handleUpgrade, type StreamTarget } from "./upgrade.ts";

const version = spawnSync("kubectl", ["version", "--client", "-o", "json"]);
const hasKubectl = version.status === 0;
/** Older ones speak only SPDY. */
const hasWebsockets = Number(/"minor": "(\d+)/.exec(version.stdout?.toString() ?? "")?.[1]) >= 30;
const skip = hasKubectl ? false : "no kubectl on the PATH (any from 1.27 will do)";

/** Runs commands as local processes and forwards to local ports. */
const local: PodStreams = {
  logs: () => Promise.reject(new PodStreamError(404, "no logs here")),
  exec: (_container, options) => run(options.command, options),
  attach: (_container, options) => run(["sh", "-c", "echo attached; cat"], options),
  async portForward(_pod, port) {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  },
};
const sizes: { width: number; height: number }[] = [];

async function run(command: readonly string[], options: Omit<ExecOptions, "command">): Promise<{ exitCode: number }> {
  if (command[0] === "missing") throw new PodStreamError(400, "container app: there is no program called missing");
  const [program = "", ...args] = command;
  const child = spawn(program, args, { signal: options.signal, stdio: "pipe" });
  child.on("error", () => {});
  for (const stream of child.stdio) stream?.on("error", () => {});
  options.onResize?.((size) => sizes.push(size));
  if (options.stdin) options.stdin.pipe(child.stdin);
  else child.stdin.end();
  if (options.stdout) child.stdout.pipe(options.stdout);
  const errors = options.stderr ?? options.stdout;
  if (errors) child.stderr.pipe(errors, { end: options.stderr !== undefined });
  const [code] = (await once(child, "close")) as [number | null];
  return { exitCode: code ?? 137 };
}

const cache = mkdtempSync(join(tmpdir(), "weft-streams-"));
let server: Server;
let url = "";
const seen: string[] = [];

function answerOf(path: string): object | undefined {
  if (path === "/version") return { major: "1", minor: "32", gitVersion: "v1.32.0" };
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (path === "/apis") return { kind: "APIGroupList", apiVersion: "v1", groups: [] };
  const verbs = ["get", "list"];
  const pods = { name: "pods", singularName: "pod", namespaced: true, kind: "Pod", verbs, shortNames: ["po"] };
  if (path === "/api/v1") return { kind: "APIResourceList", apiVersion: "v1", groupVersion: "v1", resources: [pods] };
  if (path !== "/api/v1/namespaces/default/pods/web") return undefined;
  const containers = [{ name: "app", image: "i", stdin: true, tty: false }];
  return {
    kind: "Pod",
    apiVersion: "v1",
    metadata: { name: "web", namespace: "default" },
    spec: { containers },
    status: { phase: "Running" },
  };
}

function targetOf(request: URL): StreamTarget {
  const pod = { namespace: "default", name: "web" };
  const { searchParams: query } = request;
  const kind = request.pathname.split("/").at(-1);
  if (kind === "portforward") return { kind, pod, ports: query.getAll("ports").map(Number) };
  const flag = (name: string): boolean => query.get(name) === "true";
  const streams = { stdin: flag("stdin"), stdout: flag("stdout"), stderr: flag("stderr"), tty: flag("tty") };
  const container = { ...pod, container: query.get("container") ?? "app" };
  return { kind: kind === "attach" ? "attach" : "exec", container, command: query.getAll("command"), ...streams };
}

before(async () => {
  server = createServer(await testCertificate("localhost"), (request, response) => {
    const answer = answerOf(new URL(request.url ?? "/", "https://host").pathname);
    response.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(answer ?? { kind: "Status", apiVersion: "v1", status: "Failure", code: 404 }));
  });
  server.on("upgrade", (request, socket, head) => {
    const versions = request.headers["sec-websocket-protocol"] ?? request.headers["x-stream-protocol-version"];
    seen.push(`${request.headers.upgrade} ${String(versions)}`);
    handleUpgrade(request, socket, head, targetOf(new URL(request.url ?? "/", "https://host")), local);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(cache, { recursive: true, force: true });
});

type Variant = Readonly<Record<string, string>>;

function kubectl(variant: Variant, ...args: string[]): ChildProcess {
  const flags = [
    "--server",
    url,
    "--insecure-skip-tls-verify",
    "--token",
    "t",
    "--cache-dir",
    "/tmp/weft-kubectl-test",
  ];
  return spawn("kubectl", [...flags, ...args], { env: { ...process.env, KUBECONFIG: "/dev/null", ...variant } });
}

async function finish(child: ChildProcess, input?: Buffer): Promise<{ code: number; out: Buffer; err: string }> {
  const out: Buffer[] = [];
  let err = "";
  child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => (err += chunk.toString()));
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  const [code] = (await once(child, "close")) as [number];
  return { code, out: Buffer.concat(out), err };
}

const variants: Readonly<Record<string, Variant>> = {
  websocket: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "true", KUBECTL_PORT_FORWARD_WEBSOCKETS: "true" },
  "SPDY/3.1": { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false", KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" },
};

for (const [protocol, variant] of Object.entries(variants)) {
  test(`kubectl exec over ${protocol}: both outputs and the exit code`, { skip }, async () => {
    seen.length = 0;
    const child = kubectl(variant, "exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3");
    const { code, out, err } = await finish(child);
    assert.equal(code, 3, err);
    assert.equal(out.toString(), "out\n");
    assert.match(err, /^err\n/);
    assert.match(err, /command terminated with exit code 3/);
    assert.equal(seen.length, 1, `no second try: ${seen.join("; ")}`);
    const expected = hasWebsockets ? protocol : "SPDY/3.1";
    assert.equal(seen[0]?.split(" ")[0]?.toLowerCase(), expected.toLowerCase());
  });

  test(`kubectl exec -i over ${protocol}: 10 MB through cat, and its end`, { skip }, async () => {
    const input = randomBytes(10 * 1024 * 1024);
    const { code, out, err } = await finish(kubectl(variant, "exec", "-i", "web", "--", "cat"), input);
    assert.equal(code, 0, err);
    assert.equal(out.length, input.length);
    assert.equal(createHash("sha1").update(out).digest("hex"), createHash("sha1").update(input).digest("hex"));
  });

  test(`kubectl exec -i over ${protocol}: a command that does not read its input ends all the same`, {
    skip,
  }, async () => {
    const input = randomBytes(10 * 1024 * 1024);
    const child = kubectl(variant, "exec", "-i", "web", "--", "sh", "-c", "sleep 0.3; echo done; exit 4");
    const { code, out, err } = await finish(child, input);
    assert.equal(out.toString(), "done\n", err);
    assert.equal(code, 4, err);
  });

  test(`kubectl exec over ${protocol}: why a command could not start`, { skip }, async () => {
    const { code, err } = await finish(kubectl(variant, "exec", "web", "--", "missing"));
    assert.equal(code, 1);
    assert.match(err, /there is no program called missing/);
  });

  test(`kubectl attach -i over ${protocol}`, { skip }, async () => {
    const child = kubectl(variant, "attach", "-i", "web");
    // kubectl waits for a line before it thinks that somebody is there.
    const { code, out, err } = await finish(child, Buffer.from("hello\n"));
    assert.equal(code, 0, err);
    assert.match(out.toString(), /attached\nhello\n/);
  });

  test(`kubectl exec -it over ${protocol}: a terminal and its size`, { skip }, async () => {
    sizes.length = 0;
    const args = `--server ${url} --insecure-skip-tls-verify --token t --cache-dir ${cache}`;
    const command = `stty cols 91 rows 17; kubectl ${args} exec -it web -- sh -c 'sleep 0.3; echo on a terminal'`;
    const child = spawn("script", ["-qec", command, "/dev/null"], {
      env: { ...process.env, KUBECONFIG: "/dev/null", ...variant },
    });
    const { out } = await finish(child);
    assert.match(out.toString(), /on a terminal/);
    assert.deepEqual(sizes[0], { width: 91, height: 17 });
  });

  test(`kubectl port-forward over ${protocol}: several connections at once, and one to a closed port`, {
    skip,
  }, async () => {
    const body = randomBytes(3 * 1024 * 1024);
    const web = createHttpServer((_request, response) => response.end(body)).listen(0, "127.0.0.1");
    await once(web, "listening");
    const { port } = web.address() as AddressInfo;
    const child = kubectl(variant, "port-forward", "web", `:${port}`, "--address", "127.0.0.1");
    try {
      let printed = "";
      const forwarded = await new Promise<number>((resolve, reject) => {
        const onText = (chunk: Buffer): void => {
          printed += String(chunk);
          const found = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(printed)?.[1];
          if (found) resolve(Number(found));
        };
        child.stdout?.on("data", onText);
        child.stderr?.on("data", onText);
        child.once("exit", () => reject(new Error(`kubectl ended: ${printed}`)));
      });
      const bodies = await Promise.all(Array.from({ length: 5 }, () => fetchBody(forwarded)));
      for (const got of bodies) assert.ok(got.equals(body), `${got.length} bytes of ${body.length}`);
      web.closeAllConnections();
      web.close();
      await once(web, "close");
      await assert.rejects(fetchBody(forwarded));
      assert.match(printed, /error forwarding port \d+ to pod default\/web: .*ECONNREFUSED/);
    } finally {
      child.kill("SIGINT");
      if (child.exitCode === null) await once(child, "exit");
      web.close();
    }
  });
}

function fetchBody(port: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    httpGet({ port, host: "127.0.0.1", agent: false }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve(Buffer.concat(parts)));
      response.on("error", reject);
    }).on("error", reject);
  });
}
