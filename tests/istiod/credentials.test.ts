import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import type { Secret, Service } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import { findEnvoy } from "#cluster/envoy-binary.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import { eventually, freePort, startEnvoy, upstream } from "#xds/test-envoy.ts";
import { createSecretAccess } from "../../src/istiod/credentials/secret-access.ts";
import { type ControlPlane, startControlPlane, testLog } from "./control-plane.ts";
import { ownAddress } from "./own-address.ts";

const program = "openssl";
const hasOpenssl = (() => {
  try {
    execFileSync(program, ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();
const namespace = "istio-system";

/** One HTTP exchange on a connection that stays open. */
function ask(socket: tls.TLSSocket, host: string): Promise<string> {
  socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  return new Promise((resolve, reject) => {
    socket.once("data", (chunk) => resolve(chunk.toString().split("\r\n", 1)[0] ?? ""));
    socket.once("close", () => reject(new Error("closed")));
    socket.once("error", reject);
  });
}

/** Status and target of a redirect. */
function redirectOf(port: number, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", port, path: "/x", headers: { host } }, (answer) => {
      answer.resume();
      resolve(`${answer.statusCode} ${answer.headers.location}`);
    });
    request.once("error", reject);
  });
}

describe("gateways get certificates from Secrets", { skip: !hasOpenssl && "no openssl" }, () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-tls-"));
  const file = (name: string): string => join(folder, name);
  const pem = (name: string): string => readFileSync(file(name), "utf8");
  const openssl = (...args: string[]): void => void execFileSync(program, args, { stdio: "pipe" });
  let plane: ControlPlane;

  function authority(name: string): void {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file(`${name}.key`)];
    openssl("req", "-x509", ...key, "-subj", `/CN=${name}`, "-days", "1", "-out", file(`${name}.crt`));
  }

  function certificate(name: string, host: string): void {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file(`${name}.key`)];
    writeFileSync(file(`${name}.ext`), `subjectAltName=DNS:${host}`);
    openssl("req", ...key, "-subj", `/CN=${host}`, "-out", file(`${name}.csr`));
    const signer = ["-CA", file("ca.crt"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "1"];
    const where = ["-out", file(`${name}.crt`), "-extfile", file(`${name}.ext`)];
    openssl("x509", "-req", "-in", file(`${name}.csr`), ...signer, ...where);
  }

  /** A list of the certificates that the authority took back: this one. */
  function revoked(name: string): string {
    const lines = [
      "[ca]",
      "default_ca=d",
      "[d]",
      `database=${file("index.txt")}`,
      "default_md=sha256",
      "default_crl_days=1",
    ];
    writeFileSync(file("index.txt"), "");
    writeFileSync(file("ca.cnf"), lines.join("\n"));
    const signer = ["-config", file("ca.cnf"), "-cert", file("ca.crt"), "-keyfile", file("ca.key")];
    openssl("ca", ...signer, "-revoke", file(`${name}.crt`));
    openssl("ca", ...signer, "-gencrl", "-out", file("revoked.pem"));
    return pem("revoked.pem");
  }

  async function put(name: string, texts: Record<string, string>, into = namespace): Promise<void> {
    const data = Object.fromEntries(
      Object.entries(texts).map(([k, text]) => [k, Buffer.from(text).toString("base64")]),
    );
    const found = await plane.client.find<Secret>(resourceTypes.secrets, { namespace: into, name });
    if (found) await plane.client.update<Secret>(resourceTypes.secrets, { ...found, data });
    else await plane.client.create<Secret>(resourceTypes.secrets, { metadata: { name, namespace: into }, data });
  }

  const rbac = async (name: string): Promise<void> => {
    const body = (object: object): string => JSON.stringify({ metadata: { name, namespace }, ...object });
    const post = (plural: string, object: object) =>
      plane.client.request({
        method: "POST",
        path: `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/${plural}`,
        headers: { "content-type": "application/json" },
        body: body(object),
      });
    await post("roles", { rules: [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "watch", "list"] }] });
    await post("rolebindings", {
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    });
  };

  before(async () => {
    authority("ca");
    plane = await startControlPlane();
    await plane.client.create(resourceTypes.namespaces, { metadata: { name: "shop" } });
  });
  after(async () => {
    await plane.stop();
    rmSync(folder, { recursive: true });
  });

  async function startGateway(t: Parameters<typeof startEnvoy>[0], account: string): Promise<void> {
    await plane.client.create(resourceTypes.serviceAccounts, { metadata: { name: account, namespace } });
    const { status } = await plane.client.request<{ status: { token: string } }>({
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ spec: { audiences: ["istio-ca"] } }),
    });
    const metadata = { NAMESPACE: namespace, SERVICE_ACCOUNT: account, LABELS: { istio: account } };
    await startEnvoy(t, {
      variant: "delta",
      xdsPort: plane.istiod.ports.secureXds,
      node: { id: `router~10.9.9.9~${account}-0.${namespace}~${namespace}.svc.cluster.local`, cluster: "gw", metadata },
      tls: { rootPem: plane.istiod.rootPem(), serverName: "istiod.istio-system.svc", token: status.token },
    });
  }

  /** A TLS connection, its handshake done. `client`: with the certificate of this name. */
  function open(port: number, host: string, client?: string): Promise<tls.TLSSocket> {
    return new Promise((resolve, reject) => {
      const own = client ? { cert: pem(`${client}.crt`), key: pem(`${client}.key`) } : {};
      const options = { port, servername: host, ca: pem("ca.crt"), ALPNProtocols: ["http/1.1"], ...own };
      const socket = tls.connect({ host: "127.0.0.1", ...options }, () => resolve(socket));
      socket.once("error", reject);
    });
  }

  async function answer(port: number, host: string, client?: string): Promise<string> {
    const socket = await open(port, host, client);
    try {
      return await ask(socket, host);
    } finally {
      socket.destroy();
    }
  }

  test("SIMPLE, MUTUAL and hosts by SNI; a new certificate is served and open connections stay", {
    skip: findEnvoy() ? false : "no Envoy found",
  }, async (t) => {
    const { client } = plane;
    const [target, port, plain] = [await upstream(t, "hello"), await freePort(), await freePort()];
    for (const [name, host] of Object.entries({
      one: "one.example.com",
      two: "two.example.com",
      five: "five.example.com",
      six: "six.example.com",
      caller: "caller",
      leaver: "leaver",
    }))
      certificate(name, host);
    await put("one", { "tls.crt": pem("one.crt"), "tls.key": pem("one.key") });
    await put("two", { cert: pem("two.crt"), key: pem("two.key") });
    await put("two-cacert", { cacert: pem("ca.crt") });
    await put("six", { "tls.crt": pem("six.crt"), "tls.key": pem("six.key"), "ca.crt": pem("ca.crt") });
    await put("elsewhere", { cert: pem("one.crt"), key: pem("one.key") }, "shop");
    await client.create<Service>(resourceTypes.services, {
      metadata: { name: "web", namespace: "shop" },
      spec: { ports: [{ name: "http", port: 80, targetPort: target }] },
    });
    await client.create<EndpointSlice>(resourceTypes.endpointSlices, {
      metadata: { name: "web", namespace: "shop", labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      endpoints: [{ addresses: [ownAddress], conditions: { ready: true } }],
      ports: [{ name: "http", port: target, protocol: "TCP" }],
    });
    const server = (name: string, hosts: string[], more: object, number = port) => ({
      port: { number, name, protocol: "HTTPS" },
      hosts,
      tls: more,
    });
    const servers = [
      server("one", ["one.example.com"], { mode: "SIMPLE", credentialName: "one" }),
      server("two", ["two.example.com"], { mode: "MUTUAL", credentialName: "two" }),
      server("six", ["six.example.com"], { mode: "OPTIONAL_MUTUAL", credentialName: "six" }),
      server("five", ["five.example.com"], { mode: "SIMPLE", credentialName: "later" }),
      server("three", ["three.example.com"], { mode: "SIMPLE", credentialName: "kubernetes://shop/elsewhere" }),
      {
        port: { number: plain, name: "plain", protocol: "HTTP" },
        hosts: ["one.example.com"],
        tls: { httpsRedirect: true },
      },
    ];
    await client.create(resourceTypes.gateways, {
      metadata: { name: "edge", namespace: "shop" },
      spec: { selector: { istio: "edge" }, servers },
    });
    await client.create(resourceTypes.virtualServices, {
      metadata: { name: "web", namespace: "shop" },
      spec: { hosts: ["*.example.com"], gateways: ["edge"], http: [{ route: [{ destination: { host: "web" } }] }] },
    });
    await client.create(resourceTypes.serviceAccounts, { metadata: { name: "unused", namespace: "shop" } });
    await rbac("edge");
    await startGateway(t, "edge");

    const ok = "HTTP/1.1 200 OK";
    await eventually(async () => assert.equal(await answer(port, "one.example.com"), ok));
    await eventually(async () => assert.equal(await answer(port, "two.example.com", "caller"), ok));
    await assert.rejects(answer(port, "two.example.com"), "a client without a certificate");
    await assert.rejects(answer(port, "three.example.com"), "a secret of another namespace");
    await assert.rejects(answer(port, "four.example.com"), "a name that no server has");
    assert.equal(await redirectOf(plain, "one.example.com"), "301 https://one.example.com/x");

    await eventually(async () => assert.equal(await answer(port, "six.example.com"), ok));
    assert.equal(await answer(port, "six.example.com", "caller"), ok);
    authority("foreign");
    await assert.rejects(answer(port, "six.example.com", "foreign"), "a certificate of somebody else's");
    const leaving = await open(port, "two.example.com", "leaver");
    t.after(() => leaving.destroy());
    assert.equal(await ask(leaving, "two.example.com"), ok);
    await put("two-cacert", { cacert: pem("ca.crt"), crl: revoked("leaver") });
    await eventually(() => assert.rejects(answer(port, "two.example.com", "leaver")));
    assert.equal(await answer(port, "two.example.com", "caller"), ok, "others are let in");

    await assert.rejects(answer(port, "five.example.com"), "a secret that isn't there");
    await put("later", { "tls.crt": pem("five.crt"), "tls.key": pem("five.key") });
    await eventually(async () => assert.equal(await answer(port, "five.example.com"), ok));

    const held = await open(port, "one.example.com");
    t.after(() => held.destroy());
    assert.equal(await ask(held, "one.example.com"), ok);
    const serial = held.getPeerCertificate().serialNumber;
    certificate("next", "one.example.com");
    await put("one", { "tls.crt": pem("next.crt"), "tls.key": pem("next.key") });
    await eventually(async () => {
      const fresh = await open(port, "one.example.com");
      t.after(() => fresh.destroy());
      assert.notEqual(fresh.getPeerCertificate().serialNumber, serial);
    });
    assert.equal(await ask(held, "one.example.com"), ok, "the connection from before");

    await put("one", { "tls.crt": pem("next.crt"), "tls.key": pem("caller.key") });
    await new Promise((done) => setTimeout(done, 500));
    assert.equal(await answer(port, "one.example.com"), ok, "a key that isn't the certificate's changes nothing");
  });

  test("an account needs to be allowed to list secrets, and once it is, that is noticed", async () => {
    const decided: string[] = [];
    const access = createSecretAccess({
      client: plane.client,
      signal: AbortSignal.timeout(60_000),
      log: testLog,
      onDecided: ({ serviceAccount }) => void decided.push(serviceAccount),
      goodForMs: 500,
    });
    const identity = { namespace, serviceAccount: "later" };
    assert.equal(access.isAllowed(identity), undefined, "nothing is known yet");
    await access.decide(identity);
    assert.equal(access.isAllowed(identity), false);
    await rbac("later");
    assert.equal(access.isAllowed(identity), false, "the answer is kept for a while");
    // Nobody asks meanwhile.
    await eventually(() => assert.deepEqual(decided, ["later", "later"]));
    assert.equal(access.isAllowed(identity), true);
    const elsewhere = { namespace: "shop", serviceAccount: "later" };
    await access.decide(elsewhere);
    assert.equal(access.isAllowed(elsewhere), false);
  });
});
