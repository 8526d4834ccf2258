import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { type Authority, issue } from "#ca/certificate.ts";
import { type Log, silentLog } from "#log/log.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { pemBlocks } from "#x509/pem.ts";
import { eventually } from "#xds/test-envoy.ts";
import { createAgentStream } from "../agent-stream.ts";
import { bootstrap } from "../bootstrap/bootstrap.ts";
import { xdsNode } from "../node.ts";
import { type AgentSettings, agentSettings } from "../settings.ts";
import { shareSession } from "../shared-session.ts";
import { findForeignSockets } from "./foreign-sockets.ts";
import { type Identity, startIdentity } from "./identity.ts";
import type { IdentitySettings } from "./settings.ts";
import { newIntermediate, newRoot, startTestMesh, type TestMesh } from "./test-mesh.ts";
import { followSecrets, type ReceivedSecret, type SdsClient } from "./test-sds-client.ts";

const folder = mkdtempSync(join(tmpdir(), "weft-identity-"));
let [one, two] = [] as unknown as [Authority, Authority];
before(async () => {
  [one, two] = [await newRoot("one"), await newRoot("two")];
});
after(() => rmSync(folder, { recursive: true }));

interface Workload {
  readonly mesh: TestMesh;
  readonly settings: AgentSettings;
  readonly identity: Identity;
  /** Asks for these secrets. */
  readonly ask: (...names: string[]) => SdsClient;
}

/** An agent's identity with a CA whose root is `one`. */
async function workload(
  t: TestContext,
  env: Record<string, string> = {},
  change: (dir: string) => Partial<IdentitySettings> = () => ({}),
  log: Log = silentLog,
): Promise<Workload> {
  const mesh = await startTestMesh(one);
  t.after(() => mesh.stop());
  const dir = mkdtempSync(join(folder, "w-"));
  const found = agentSettings(
    [],
    { POD_NAMESPACE: "shop", SERVICE_ACCOUNT: "cart", WORKLOAD_IDENTITY_DIR: dir, CREDENTIAL_DIR: dir, ...env },
    { discoveryAddress: `127.0.0.1:${mesh.port}`, controlPlaneAuthPolicy: "NONE" },
  );
  const settings = {
    ...found,
    identity: { ...found.identity, mountedDirs: [], crlPath: join(dir, "crl"), ...change(dir) },
    foreignSockets: await findForeignSockets(found.identity),
  };
  const node = xdsNode(settings, { labels: {}, annotations: {} });
  const stream = createAgentStream(shareSession(settings), node, silentLog);
  const identity = await startIdentity(settings, stream, log);
  stream.start();
  const clients: SdsClient[] = [];
  t.after(async () => {
    for (const client of clients) client.close();
    stream.stop();
    await identity.close();
  });
  return {
    mesh,
    settings,
    identity,
    ask: (...names) => {
      const client = followSecrets(settings.identity.socket, names);
      clients.push(client);
      return client;
    },
  };
}

const subjects = (secret: ReceivedSecret | undefined): string =>
  pemBlocks(secret?.roots ?? "", "CERTIFICATE")
    .map((pem) => new X509Certificate(pem).subject)
    .sort()
    .join();

/** A certificate of `one` for this name, with its key. */
async function pairFor(uri: string): Promise<{ chain: string; key: string }> {
  const { publicKey, privateKey } = await generateKeyPair();
  const chain = issue(one, { publicKey, names: [{ uri }], lifetimeMs: 3_600_000, now: new Date() });
  return { chain, key: privateKey.export({ type: "pkcs8", format: "pem" }) as string };
}

test("one request to the CA is for both, certificate and roots", async (t) => {
  const { mesh, ask, identity } = await workload(t);
  const { secrets } = ask("default", "ROOTCA");
  await eventually(() => assert.equal(secrets.size, 2));
  const leaf = new X509Certificate(secrets.get("default")?.chain ?? "");
  assert.equal(leaf.subjectAltName, "URI:spiffe://cluster.local/ns/shop/sa/cart");
  assert.equal(leaf.publicKey.asymmetricKeyType, "ec");
  assert.match(secrets.get("default")?.key ?? "", /BEGIN PRIVATE KEY/);
  assert.equal(subjects(secrets.get("ROOTCA")), "O=one");
  assert.equal(mesh.issued, 1);
  assert.equal(identity.endsAt, Date.parse(leaf.validTo));
});

test("a root that is told later is trusted beside the old one, and then instead of it", async (t) => {
  const { mesh, ask } = await workload(t);
  const { secrets } = ask("ROOTCA", "default");
  const roots = () => subjects(secrets.get("ROOTCA"));
  await eventually(() => assert.equal(roots(), "O=one"));
  mesh.tell([one.rootPem, two.rootPem]);
  await eventually(() => assert.equal(roots(), "O=one,O=two"));
  assert.equal(mesh.issued, 1, "the certificate stays");
  mesh.use(two);
  mesh.tell([two.rootPem]);
  await eventually(() => assert.equal(roots(), "O=two"));
  assert.equal(mesh.issued, 2, "a certificate that nobody would take is replaced");
  const { issuer } = new X509Certificate(secrets.get("default")?.chain ?? "");
  assert.equal(issuer, "O=two");
});

test("trust anchors that can't be used leave Envoy with those that it has", async (t) => {
  const { mesh, ask } = await workload(t);
  const { secrets } = ask("ROOTCA");
  await eventually(() => assert.equal(secrets.size, 1));
  mesh.tell(["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]);
  mesh.tell([two.rootPem]);
  await eventually(() => assert.equal(subjects(secrets.get("ROOTCA")), "O=one,O=two"));
});

test("in an answer of the CA everything from the first self-issued certificate on is trusted", async (t) => {
  const { mesh, ask } = await workload(t, { SECRET_GRACE_PERIOD_RATIO: "1", SECRET_GRACE_PERIOD_RATIO_JITTER: "0" });
  mesh.use(one, [two.rootPem, one.rootPem]);
  const { secrets } = ask("ROOTCA", "default");
  await eventually(() => assert.equal(subjects(secrets.get("ROOTCA")), "O=one,O=two"));
  assert.equal(pemBlocks(secrets.get("default")?.chain ?? "", "CERTIFICATE").length, 1);
});

test("a workload whose CA is another's shows the way up to the root, and the root", async (t) => {
  const { mesh, ask } = await workload(t, { SECRET_GRACE_PERIOD_RATIO: "1", SECRET_GRACE_PERIOD_RATIO_JITTER: "0" });
  mesh.use(await newIntermediate(one, "between"), [two.rootPem, one.rootPem]);
  const { secrets } = ask("default");
  const issuers = (): string[] =>
    pemBlocks(secrets.get("default")?.chain ?? "", "CERTIFICATE").map((pem) => new X509Certificate(pem).issuer);
  await eventually(() => assert.deepEqual(issuers(), ["O=between", "O=one", "O=one"]));
});

test("what the mesh's CA took back goes along with the roots", async (t) => {
  const { ask, settings } = await workload(t, {}, (dir) => {
    writeFileSync(join(dir, "crl"), "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
    return {};
  });
  const { secrets } = ask("ROOTCA");
  await eventually(() => assert.match(secrets.get("ROOTCA")?.crl ?? "", /BEGIN X509 CRL/));
  assert.ok(existsSync(settings.identity.crlPath));
});

test("a certificate that can't be renewed goes on; near its end, and after it, the log has an alert", async (t) => {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (message: string, fields: object = {}): void =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const log: Log = { ...silentLog, warn: write("warn"), error: write("error") };
  const { mesh, ask, identity } = await workload(t, { SECRET_TTL: "4s" }, undefined, log);
  const { secrets } = ask("default");
  await eventually(() => assert.equal(secrets.size, 1));
  const { chain } = secrets.get("default") ?? {};
  mesh.refuse(true);
  const has = (pattern: RegExp) => () =>
    assert.ok(
      lines.some((line) => pattern.test(line)),
      lines.join("\n"),
    );
  await eventually(has(/^warn the certificate can't be renewed; the old one goes on .*retryMs/));
  await eventually(has(/^error ALERT: the certificate ends soon/));
  await eventually(has(/^error ALERT: the certificate has ended; peers refuse this workload .*"advice"/));
  assert.equal(secrets.get("default")?.chain, chain, "Envoy keeps what it has");
  assert.ok((identity.endsAt ?? 0) < Date.now());
  assert.ok(identity.counters.failures >= 3 && identity.counters.retries >= 2);
  mesh.refuse(false);
  await eventually(() => assert.notEqual(secrets.get("default")?.chain, chain));
  assert.doesNotMatch(lines.join(), /PRIVATE KEY/);
});

test("a key of RSA is made when a size is set", async (t) => {
  const { ask } = await workload(t, { WORKLOAD_RSA_KEY_SIZE: "2048" });
  const { secrets } = ask("default");
  await eventually(() => assert.equal(secrets.size, 1));
  const { publicKey } = new X509Certificate(secrets.get("default")?.chain ?? "");
  assert.equal(publicKey.asymmetricKeyDetails?.modulusLength, 2048);
});

test("certificates in files are served, again when the volume is swapped, and not while key and certificate don't fit", async (t) => {
  const { ask, identity } = await workload(t);
  const volume = mkdtempSync(join(folder, "volume-"));
  const publish = (version: string, files: { chain: string; key: string }): void => {
    mkdirSync(join(volume, version));
    writeFileSync(join(volume, version, "tls.crt"), files.chain);
    writeFileSync(join(volume, version, "tls.key"), files.key);
    symlinkSync(version, join(volume, "..next"));
    renameSync(join(volume, "..next"), join(volume, "..data"));
  };
  const [first, second, third] = [
    await pairFor("spiffe://a"),
    await pairFor("spiffe://b"),
    await pairFor("spiffe://c"),
  ];
  publish("1", first);
  const name = `file-cert:${join(volume, "..data/tls.crt")}~${join(volume, "..data/tls.key")}`;
  const roots = join(volume, "roots.pem");
  const { secrets } = ask(name, `file-root:${roots}`);
  await eventually(() => assert.equal(secrets.get(name)?.chain, first.chain));
  publish("2", { chain: second.chain, key: first.key });
  await eventually(() => assert.ok(identity.counters.fileFailures > 1));
  assert.equal(secrets.get(name)?.chain, first.chain);
  publish("3", third);
  await eventually(() => assert.equal(secrets.get(name)?.chain, third.chain));
  assert.equal(secrets.has(`file-root:${roots}`), false);
  writeFileSync(roots, `${two.rootPem}${one.rootPem}`);
  await eventually(() => assert.equal(subjects(secrets.get(`file-root:${roots}`)), "O=one,O=two"));
});

test("certificates that somebody put into the pod are used, and no CA is asked", async (t) => {
  const given = await pairFor("spiffe://given");
  const { ask, mesh, identity } = await workload(t, {}, (dir) => {
    writeFileSync(join(dir, "cert-chain.pem"), given.chain);
    writeFileSync(join(dir, "key.pem"), given.key);
    writeFileSync(join(dir, "root-cert.pem"), two.rootPem);
    return { mountedDirs: [dir] };
  });
  const { secrets } = ask("default", "ROOTCA");
  await eventually(() => assert.equal(secrets.size, 2));
  assert.equal(secrets.get("default")?.chain, given.chain);
  assert.equal(subjects(secrets.get("ROOTCA")), "O=two");
  assert.equal(mesh.issued, 0);
  assert.equal(identity.problem, undefined);
});

test("OUTPUT_CERTS writes certificate, key and roots for other containers; without it nothing is written", async (t) => {
  const dir = join(folder, "output");
  const { ask, settings } = await workload(t, { OUTPUT_CERTS: dir, KUBERNETES_SERVICE_HOST: "10.0.0.1" });
  const { secrets } = ask("default", "ROOTCA");
  await eventually(() => assert.equal(secrets.size, 2));
  assert.equal(readFileSync(join(dir, "cert-chain.pem"), "utf8"), secrets.get("default")?.chain);
  assert.equal(readFileSync(join(dir, "root-cert.pem"), "utf8"), secrets.get("ROOTCA")?.roots);
  assert.match(readFileSync(join(dir, "key.pem"), "utf8"), /BEGIN EC PRIVATE KEY/);
  assert.equal(statSync(join(dir, "key.pem")).mode & 0o777, 0o644);
  assert.equal(settings.identity.mountedDirs.includes(dir), false);
});

test("a socket that somebody serves is left to them; one that nobody serves any more is taken over", async (t) => {
  const dir = mkdtempSync(join(folder, "foreign-"));
  const spire = createServer();
  await new Promise<void>((done) => spire.listen(join(dir, "socket"), done));
  const foreign = await workload(t, { WORKLOAD_IDENTITY_DIR: dir, CREDENTIAL_DIR: join(dir, "credentials") });
  assert.equal(foreign.identity.problem, undefined);
  assert.equal(foreign.mesh.issued, 0);
  const pod = { labels: {}, annotations: {} };
  const { metadata } = xdsNode(foreign.settings, pod);
  assert.equal(metadata["file-credential"], "true");
  assert.match(JSON.stringify(bootstrap(foreign.settings, xdsNode(foreign.settings, pod), pod)), /files-socket/);
  const roots = join(dir, "roots.pem");
  writeFileSync(roots, two.rootPem);
  const files = followSecrets(foreign.settings.identity.filesSocket, [`file-root:${roots}`, "default"]);
  t.after(() => files.close());
  await eventually(() => assert.deepEqual([...files.secrets.keys()], [`file-root:${roots}`]));
  // Node takes the file away when a server closes; one that is killed leaves it.
  renameSync(join(dir, "socket"), join(dir, "dead"));
  await new Promise((done) => spire.close(done));
  renameSync(join(dir, "dead"), join(dir, "socket"));
  const { ask } = await workload(t, { WORKLOAD_IDENTITY_DIR: dir });
  const { secrets } = ask("default");
  await eventually(() => assert.equal(secrets.size, 1));
});

test("a foreign socket that must be there and isn't ends the agent, with the reason", async (t) => {
  const starting = workload(t, { WORKLOAD_IDENTITY_SOCKET_FILE: "spire.sock" });
  await assert.rejects(starting, /WORKLOAD_IDENTITY_SOCKET_FILE: nobody serves .*spire\.sock/);
});
