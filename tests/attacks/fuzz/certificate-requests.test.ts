import assert from "node:assert/strict";
import { test } from "node:test";
import type { Arbitrary } from "fast-check";
import * as fc from "fast-check";
import { readAll } from "#x509/der.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import { fromPem, toPem } from "#x509/pem.ts";
import { buildRequest, CertificateRequestError, readRequest } from "#x509/request.ts";
import { bounded } from "./bounds.ts";

const uri = "spiffe://cluster.local/ns/shop/sa/mallory";
const pair = await generateKeyPair();
const good = fromPem(buildRequest(pair, { uri }));

/** What was read is what the key's owner signed; all else is refused with the parser's own error, and soon. */
function readsOrRefuses(pem: string): void {
  const began = performance.now();
  try {
    const { publicKey, names } = readRequest(pem);
    assert.ok(publicKey.equals(pair.publicKey));
    assert.deepEqual(names, [`URI:${uri}`]);
  } catch (error) {
    assert.ok(error instanceof CertificateRequestError, String(error));
  }
  assert.ok(performance.now() - began < 500);
}

/** One change of some bytes: another value, some more, some less, a part of it again. */
const change = fc.record({
  at: fc.nat(good.length - 1),
  remove: fc.nat(6),
  insert: fc.oneof(fc.uint8Array({ maxLength: 6 }), fc.constantFrom(good.subarray(0, 40), Buffer.from("3080", "hex"))),
});

test("a request with its bytes changed", () => {
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      let bytes = good;
      for (const { at, remove, insert } of changes)
        bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
      readsOrRefuses(toPem("CERTIFICATE REQUEST", bytes));
    }),
    bounded(5_000),
  );
});

/** DER that is well formed, of any depth, with tags that a request has. */
const { tree } = fc.letrec<{ tree: Buffer }>((tie) => ({
  tree: fc
    .tuple(
      fc.constantFrom(0x02, 0x03, 0x04, 0x06, 0x0c, 0x30, 0x31, 0xa0, 0x86),
      fc.oneof(
        { depthSize: "small" },
        fc.uint8Array({ maxLength: 40 }),
        fc.array(tie("tree"), { maxLength: 4 }).map((parts) => Buffer.concat(parts)),
      ),
    )
    .map(([tag, content]) => der(tag, content)),
}));

function der(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  const size =
    length < 128
      ? [length]
      : length < 65_536
        ? [0x82, length >> 8, length & 255]
        : [0x83, length >> 16, (length >> 8) & 255, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

test("other values in the places of a request", () => {
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 5 }), (parts) => {
      readsOrRefuses(toPem("CERTIFICATE REQUEST", der(0x30, Buffer.concat(parts))));
    }),
    bounded(3_000),
  );
});

test("values that hold each other a thousand deep", () => {
  let deep: Buffer = Buffer.alloc(0);
  for (let depth = 0; depth < 1_000; depth++) deep = der(0x30, deep);
  readsOrRefuses(toPem("CERTIFICATE REQUEST", deep));
});

test("what is read of DER is what is there", () => {
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 5 }), (parts) => {
      assert.deepEqual(
        readAll(Buffer.concat(parts)).map(({ whole }) => Buffer.from(whole)),
        parts,
      );
    }),
    bounded(1_000),
  );
});

test("texts around and instead of PEM", () => {
  const pem = toPem("CERTIFICATE REQUEST", good);
  const text: Arbitrary<string> = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.tuple(fc.string(), fc.string()).map(([before, after]) => `${before}\n${pem}\n${after}`),
    fc.nat(pem.length).map((at) => pem.slice(0, at)),
    fc.tuple(fc.nat(pem.length), fc.string()).map(([at, more]) => pem.slice(0, at) + more + pem.slice(at)),
    fc.nat(2_000_000).map((length) => "-----BEGIN CERTIFICATE REQUEST-----".repeat(length / 35)),
  );
  fc.assert(fc.property(text, readsOrRefuses), bounded(1_000));
});
