import assert from "node:assert/strict";
import { test } from "node:test";
import { authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { generateKeyPair } from "#x509/key-pair.ts";
import type { ConfigDump, DataSource } from "./envoy-dump.ts";
import { meshRoots, secretRows } from "./secrets.ts";

const inline = (pem: string): DataSource => ({ inline_bytes: Buffer.from(pem).toString("base64") });

test("certificates and roots, with their state, end and trust domain", async () => {
  const now = new Date("2026-01-02T03:04:05Z");
  const root = await createSelfSignedRoot("mesh", now);
  const { publicKey } = await generateKeyPair();
  const chain = issue(authorityFrom({ certificate: root.certificatePem, key: root.keyPem }), {
    publicKey,
    names: [{ uri: "spiffe://example.org/ns/shop/sa/cart" }],
    lifetimeMs: 60_000,
    now,
  });
  const bundle = inline(root.certificatePem);
  const spiffe = { typed_config: { trust_domains: [{ name: "east.local", trust_bundle: bundle }] } };
  const dump: ConfigDump = {
    configs: [
      {
        "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump",
        dynamic_active_secrets: [
          { name: "default", secret: { tls_certificate: { certificate_chain: inline(chain) } } },
          { name: "ROOTCA", secret: { validation_context: { trusted_ca: inline(root.certificatePem.repeat(2)) } } },
          { name: "spire", secret: { validation_context: { custom_validator_config: spiffe } } },
          { name: "gone", version_info: "uninitialized" },
        ],
        dynamic_warming_secrets: [{ name: "late" }],
      },
    ],
  };
  const columns = secretRows(dump, new Date(now.getTime() + 90_000)).map((row) => [
    ...row.slice(0, 4),
    ...row.slice(5),
  ]);
  const root10 = ["true", "2035-12-31T03:04:05Z"];
  assert.deepEqual(
    columns.slice(1).map((row) => [...row.slice(0, 5), row[6]]),
    [
      ["late", "", "WARMING", "false", "", ""],
      ["default", "Cert Chain", "ACTIVE", "false", "2026-01-02T03:05:05Z", "example.org"],
      ["ROOTCA", "CA", "ACTIVE", ...root10, ""],
      ["ROOTCA", "CA", "ACTIVE", ...root10, ""],
      ["spire", "CA", "ACTIVE", ...root10, "east.local"],
      ["gone", "", "UNINITIALIZED", "false", "", ""],
    ],
  );
  assert.equal(meshRoots(dump).length, 2);
});
