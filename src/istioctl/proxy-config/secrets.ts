import { X509Certificate } from "node:crypto";
import { pemBlocks } from "#x509/pem.ts";
import type { ConfigDump, DataSource, DynamicSecret } from "./envoy-dump.ts";

type Rows = readonly (readonly string[])[];

/** A secret that Envoy has or waits for. */
interface StatedSecret {
  readonly state: "ACTIVE" | "WARMING" | "UNINITIALIZED";
  readonly secret: DynamicSecret;
}

function statedSecrets(dump: ConfigDump): readonly StatedSecret[] {
  const section = secretsOf(dump);
  return [
    ...(section.dynamic_warming_secrets ?? []).map((secret) => ({ state: "WARMING" as const, secret })),
    ...(section.dynamic_active_secrets ?? []).map((secret) => ({
      state: secret.version_info === "uninitialized" ? ("UNINITIALIZED" as const) : ("ACTIVE" as const),
      secret,
    })),
  ];
}

/** What the dump says about secrets; Envoy leaves keys out of it. */
export function secretsOf(dump: ConfigDump): NonNullable<ConfigDump["configs"]>[number] {
  return (dump.configs ?? []).find((section) => section["@type"]?.endsWith("SecretsConfigDump")) ?? {};
}

/** One row for the first certificate of a chain, and for every root. Istio: SecretItem. */
export function secretRows(dump: ConfigDump, now: Date): Rows {
  const header = [
    ["RESOURCE NAME", "TYPE", "STATUS", "VALID CERT"],
    ["SERIAL NUMBER", "NOT AFTER", "NOT BEFORE", "TRUST DOMAIN"],
  ].flat();
  const rows = statedSecrets(dump).flatMap(({ state, secret: { name = "", secret } }) => {
    const { certificate_chain: chain } = secret?.tls_certificate ?? {};
    const shown = chain ? certificatesIn(chain).slice(0, 1) : trustedIn(secret);
    if (shown.length === 0) return [[name, "", state, "false", "", "", "", ""]];
    return shown.map(({ certificate, trustDomain }) =>
      [name, chain ? "Cert Chain" : "CA", state].concat(
        describe(certificate, now),
        trustDomain ?? trustDomainOf(certificate),
      ),
    );
  });
  return [header, ...rows];
}

/** The roots that a proxy trusts its peers by, of `ROOTCA`. */
export function meshRoots(dump: ConfigDump): readonly X509Certificate[] {
  return statedSecrets(dump)
    .filter(({ secret }) => secret.name === "ROOTCA")
    .flatMap(({ secret }) => trustedIn(secret.secret).map(({ certificate }) => certificate));
}

interface Shown {
  readonly certificate: X509Certificate;
  /** Where Envoy trusts it for one trust domain only (SPIRE). */
  readonly trustDomain?: string;
}

function trustedIn(secret: DynamicSecret["secret"]): readonly Shown[] {
  const { trusted_ca: trusted, custom_validator_config: validator } = secret?.validation_context ?? {};
  const bundles = (validator?.typed_config?.trust_domains ?? []).flatMap(({ name = "", trust_bundle: bundle }) =>
    certificatesIn(bundle).map(({ certificate }) => ({ certificate, trustDomain: name })),
  );
  return [...certificatesIn(trusted), ...bundles];
}

/** What can't be read is left out. */
function certificatesIn(source: DataSource | undefined): readonly Shown[] {
  const text = source?.inline_string ?? Buffer.from(source?.inline_bytes ?? "", "base64").toString("latin1");
  return pemBlocks(text, "CERTIFICATE").flatMap((block) => {
    try {
      return [{ certificate: new X509Certificate(block) }];
    } catch {
      return [];
    }
  });
}

function describe(certificate: X509Certificate, now: Date): string[] {
  const [from, to] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
  const time = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, "Z");
  const serial = certificate.serialNumber.toLowerCase().replace(/^0+(?=.)/, "");
  return [String(from < now && now < to), serial, time(to), time(from)];
}

function trustDomainOf({ subjectAltName = "" }: X509Certificate): string {
  return /URI:spiffe:\/\/([^/,\s]+)/.exec(subjectAltName)?.[1] ?? "";
}
