import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { earliestEnd, readChain } from "./chain.ts";
import { generateKeyPair } from "./key-pair.ts";
import { fromPem, toPem } from "./pem.ts";
import { buildRequest, CertificateRequestError, readRequest } from "./request.ts";

const uri = "spiffe://cluster.local/ns/default/sa/reviews";
/** The other implementation to ask; a test skips without it. */
const program = "openssl";

function hasOpenssl(): boolean {
  try {
    execFileSync(program, ["version"]);
    return true;
  } catch {
    return false;
  }
}

test("a request that was built is read again, with keys of every kind", async () => {
  for (const kind of ["P-256", "P-384", { rsaBits: 2048 }] as const) {
    const pair = await generateKeyPair(kind);
    const { publicKey, names } = readRequest(buildRequest(pair, { uri }));
    assert.equal(publicKey.equals(pair.publicKey), true);
    assert.deepEqual(names, [`URI:${uri}`]);
  }
});

test("keys that are too weak, or of another kind, are refused", async () => {
  const weak = await generateKeyPair({ rsaBits: 1024 });
  assert.throws(() => readRequest(buildRequest(weak, { uri })), /2048 to 8192 bits, this one has 1024/);
});

test("whatever is done to a request, it asks for the same or is refused with an error of its own", async () => {
  const pair = await generateKeyPair();
  const der = fromPem(buildRequest(pair, { uri }));
  const check = (bytes: Uint8Array): void => {
    try {
      const { publicKey, names } = readRequest(toPem("CERTIFICATE REQUEST", bytes));
      assert.deepEqual([publicKey.equals(pair.publicKey), names], [true, [`URI:${uri}`]]);
    } catch (error) {
      assert.ok(error instanceof CertificateRequestError, String(error));
    }
  };
  for (let at = 0; at < der.length; at++)
    for (const value of [0x00, 0x7f, 0x80, 0xff, (der[at] ?? 0) ^ 1]) {
      const changed = Buffer.from(der);
      changed[at] = value;
      check(changed);
    }
  for (let length = 0; length < der.length; length++) check(der.subarray(0, length));
  for (const text of ["", "hello", "-----BEGIN CERTIFICATE REQUEST-----", "x".repeat(1_000_000)])
    assert.throws(() => readRequest(text), CertificateRequestError);
});

test("OpenSSL and we read each other's requests", async (t) => {
  if (!hasOpenssl()) return t.skip("no openssl");
  const folder = mkdtempSync(join(tmpdir(), "weft-x509-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const openssl = (...args: string[]): string =>
    execFileSync(program, args, { cwd: folder, encoding: "utf8", stdio: "pipe" });
  for (const kind of ["P-256", "P-384", { rsaBits: 3072 }] as const) {
    writeFileSync(join(folder, "ours.pem"), buildRequest(await generateKeyPair(kind), { uri }));
    const text = openssl("req", "-in", "ours.pem", "-noout", "-text", "-verify");
    assert.match(text, new RegExp(`critical\\s+URI:${uri}`));
  }
  for (const key of [
    ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    ["ec", "-pkeyopt", "ec_paramgen_curve:secp521r1"],
    ["ed25519"],
  ]) {
    openssl("genpkey", "-out", "key.pem", "-algorithm", ...key);
    const names = "subjectAltName=URI:spiffe://other/ns/a/sa/b,DNS:evil.example,IP:10.0.0.1,email:a@b";
    const theirs = openssl("req", "-new", "-key", "key.pem", "-subj", "/CN=x", "-addext", names);
    if (key.includes("ec_paramgen_curve:P-256"))
      assert.deepEqual(readRequest(theirs).names, [
        "URI:spiffe://other/ns/a/sa/b",
        "DNS:evil.example",
        "IP:0a000001",
        "other:129",
      ]);
    else assert.throws(() => readRequest(theirs), /use (ECDSA|P-256)/);
  }
});

test("a chain ends when its first certificate does", async (t) => {
  if (!hasOpenssl()) return t.skip("no openssl");
  const folder = mkdtempSync(join(tmpdir(), "weft-x509-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const make = (days: string): string =>
    execFileSync(
      program,
      ["req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "k.pem", "-subj", "/O=x", "-days", days],
      {
        cwd: folder,
        encoding: "utf8",
        stdio: "pipe",
      },
    );
  const chain = readChain(`# a comment\n${make("3")}\n${make("2")}`);
  assert.equal(chain.length, 2);
  assert.equal(earliestEnd(chain), Date.parse(chain[1]?.validTo ?? ""));
  assert.throws(() => readChain(make("2").replace(/M/, "N")), /certificate 1 can't be read/);
});
