import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Secret } from "kubernetes-types/core/v1.d.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { readAuthoritySecret } from "./authority-secret.ts";
import { issue } from "./certificate.ts";

/** The other implementation, which makes the authorities; tests skip without it. */
const program = "openssl";
const hasOpenssl = (() => {
  try {
    execFileSync(program, ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

describe("an authority that was plugged in", { skip: !hasOpenssl && "no openssl" }, () => {
  const folder = mkdtempSync(join(tmpdir(), "weft-cacerts-"));
  after(() => rmSync(folder, { recursive: true }));
  const openssl = (...args: string[]): string =>
    execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: "pipe" });
  const file = (name: string): string => readFileSync(join(folder, name), "utf8");
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const rsa = ["-newkey", "rsa:2048"];

  function root(name: string, key: readonly string[] = ec): void {
    openssl("req", "-x509", ...key, "-nodes", "-keyout", `${name}.key`, "-out", `${name}.crt`, "-subj", `/O=${name}`);
  }

  function authority(
    name: string,
    by: string,
    options: { ca?: boolean; key?: readonly string[]; days?: string } = {},
  ): void {
    const { ca = true, key = ec, days = "30" } = options;
    // A key identifier that isn't the hash of the key: what is signed must refer to the one that is there.
    writeFileSync(join(folder, "ext"), `basicConstraints=critical,CA:${ca}\nsubjectKeyIdentifier=01020304\n`);
    openssl("req", ...key, "-nodes", "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/O=${name}`);
    const signer = ["-CA", `${by}.crt`, "-CAkey", `${by}.key`, "-CAcreateserial", "-days", days];
    openssl("x509", "-req", "-in", `${name}.csr`, ...signer, "-out", `${name}.crt`, "-extfile", "ext");
  }

  const secret = (data: Readonly<Record<string, string>>): Secret => ({
    metadata: { namespace: "istio-system", name: "cacerts" },
    data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString("base64")])),
  });
  const read = (data: Readonly<Record<string, string>>) => readAuthoritySecret(secret(data), Date.now());

  test("chains of any depth, ECDSA and RSA, are what OpenSSL verifies", async () => {
    root("root", rsa);
    authority("upper", "root");
    authority("lower", "upper", { key: rsa });
    const { authority: found } = read({
      "ca-cert.pem": file("lower.crt"),
      "ca-key.pem": file("lower.key"),
      "cert-chain.pem": file("lower.crt") + file("upper.crt") + file("root.crt"),
      "root-cert.pem": file("root.crt"),
    });
    const names = [{ uri: "spiffe://cluster.local/ns/a/sa/b" }];
    for (const kind of ["P-256", { rsaBits: 2048 }] as const) {
      const { publicKey } = await generateKeyPair(kind);
      const chain = issue(found, { publicKey, names, lifetimeMs: 3_600_000, now: new Date() });
      assert.equal(chain.match(/BEGIN/g)?.length, 3, "leaf, lower, upper; no root");
      writeFileSync(join(folder, "chain.pem"), chain);
      const verify = ["verify", "-x509_strict", "-CAfile", "root.crt", "-untrusted", "chain.pem", "chain.pem"];
      assert.match(openssl(...verify.filter((arg) => arg !== "-x509_strict")), /OK/);
      assert.ok(new X509Certificate(chain).checkIssued(new X509Certificate(file("lower.crt"))));
    }
  });

  test("nothing that it signs holds longer than its own certificates", async () => {
    authority("short", "root", { days: "1" });
    const { authority: found } = read({
      "ca-cert.pem": file("short.crt"),
      "ca-key.pem": file("short.key"),
      "root-cert.pem": file("root.crt"),
    });
    const { publicKey } = await generateKeyPair();
    const names = [{ uri: "spiffe://cluster.local/ns/a/sa/b" }];
    const leaf = new X509Certificate(issue(found, { publicKey, names, lifetimeMs: 1e10, now: new Date() }));
    assert.equal(leaf.validTo, new X509Certificate(file("short.crt")).validTo);
  });

  test("a Secret as cert-manager writes it", () => {
    const { authority: found } = read({
      "tls.crt": file("lower.crt") + file("upper.crt"),
      "tls.key": file("lower.key"),
      "ca.crt": file("root.crt"),
    });
    assert.equal(found.chainPem.match(/BEGIN/g)?.length, 2);
  });

  test("several roots are told, and the one that it goes back to is known", () => {
    root("other");
    const { authority: found } = read({
      "ca-cert.pem": file("other.crt"),
      "ca-key.pem": file("other.key"),
      "root-cert.pem": file("root.crt") + file("other.crt"),
    });
    assert.equal(found.rootPem.match(/BEGIN/g)?.length, 2);
    assert.ok(new X509Certificate(found.anchorPem).raw.equals(new X509Certificate(file("other.crt")).raw));
    assert.equal(found.chainPem, "");
  });

  test("what can't be used is refused, with Secret, key and reason", () => {
    const good = {
      "ca-cert.pem": file("lower.crt"),
      "ca-key.pem": file("lower.key"),
      "cert-chain.pem": file("upper.crt"),
      "root-cert.pem": file("root.crt"),
    };
    assert.ok(read(good));
    const refused = (change: Readonly<Record<string, string>>, reason: RegExp): void =>
      assert.throws(
        () => read({ ...good, ...change }),
        (error: Error) => error.message.startsWith("Secret istio-system/cacerts: ") && reason.test(error.message),
      );
    authority("leaf", "upper", { ca: false });
    refused({ "ca-key.pem": "" }, /ca-key\.pem is missing/);
    refused({ "ca-key.pem": file("upper.key") }, /key doesn't belong/);
    refused({ "ca-cert.pem": "hello" }, /look at ca-cert\.pem/);
    refused({ "ca-cert.pem": file("leaf.crt"), "ca-key.pem": file("leaf.key") }, /isn't one of a CA/);
    refused({ "root-cert.pem": file("other.crt") }, /no way to a root/);
    refused({ "cert-chain.pem": "" }, /no way to a root/);
    refused({ "root-cert.pem": "" }, /no way to a root/);
    refused({ "ca-crl.pem": "none" }, /ca-crl\.pem has no X509 CRL/);
    refused(
      { "ca-crl.pem": "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----" },
      /ca-crl\.pem: list 1 can't be read/,
    );
    const ended = Date.parse(new X509Certificate(file("lower.crt")).validTo) + 1;
    assert.throws(() => readAuthoritySecret(secret(good), ended), /ended on 20/);
    openssl("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", "w.key", "-out", "w.crt", "-subj", "/O=w");
    refused(
      { "ca-cert.pem": file("w.crt"), "ca-key.pem": file("w.key"), "root-cert.pem": file("w.crt") },
      /at least 2048/,
    );
  });

  test("a list of revoked certificates comes with it", () => {
    writeFileSync(join(folder, "index.txt"), "");
    writeFileSync(
      join(folder, "ca.cnf"),
      "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=1\n",
    );
    const crl = openssl("ca", "-gencrl", "-config", "ca.cnf", "-cert", "root.crt", "-keyfile", "root.key");
    const plugged = { "ca-cert.pem": file("root.crt"), "ca-key.pem": file("root.key") };
    assert.match(read({ ...plugged, "ca-crl.pem": crl }).crlPem, /^-----BEGIN X509 CRL-----/);
    assert.equal(read({ ...plugged, "ca-crl.pem": "" }).crlPem, "");
  });
});
