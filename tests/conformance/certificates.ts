import { type Authority, authorityFrom, createSelfSignedRoot, issue } from "#ca/certificate.ts";
import { generateKeyPair } from "#x509/key-pair.ts";

/** Where the conformance suite puts certificates, and the names in them. All are of one authority. */
const secrets = [
  ["gateway-conformance-web-backend", "certificate", ["*.example.com", "*.org"]],
  [
    "gateway-conformance-infra",
    "tls-validity-checks-certificate",
    ["*.example.com", "*.org", "example.org", "second-example.org"],
  ],
  ["gateway-conformance-infra", "tls-passthrough-checks-certificate", ["abc.example.com"]],
  ["gateway-conformance-infra", "tls-terminate-checks-certificate", ["abc.example.com", "*.example.com"]],
  ["gateway-conformance-infra", "tls-checks-certificate", ["abc.example.com", "other.example.com"]],
  ["gateway-conformance-infra", "tls-validity-checks-client-certificate", ["client.example.com"]],
  ["gateway-conformance-app-backend", "tls-passthrough-checks-certificate", ["abc.example.com"]],
  ["gateway-conformance-app-backend", "tls-checks-certificate", ["abc.example.com"]],
] as const;

const configMaps = [
  "tls-checks-ca-certificate",
  "tls-validity-checks-ca-certificate",
  "tls-validity-checks-per-port-ca-certificate",
] as const;

/** What the conformance tests find in the cluster before their manifests come, and the root that clients trust. */
export async function conformanceCertificates(): Promise<{ readonly manifests: string; readonly rootPem: string }> {
  const now = new Date();
  const root = await authority(now);
  const other = await authority(now);
  const objects: object[] = [];
  for (const [namespace, name, hosts] of secrets) {
    const pair = await generateKeyPair();
    const identity = { uri: `spiffe://${hosts[0]}/test-identity` };
    const names = [...hosts.map((dns) => ({ dns })), ...(name === "tls-checks-certificate" ? [identity] : [])];
    const certificate = issue(root, {
      publicKey: pair.publicKey,
      names,
      organization: "conformance",
      lifetimeMs: 86_400_000,
      now,
    });
    objects.push({
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/tls",
      metadata: { namespace, name },
      stringData: { "tls.crt": certificate, "tls.key": pair.privateKey.export({ type: "pkcs8", format: "pem" }) },
    });
  }
  const configMap = (name: string, pem: string) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "gateway-conformance-infra", name },
    data: { "ca.crt": pem },
  });
  for (const name of configMaps) objects.push(configMap(name, root.rootPem));
  objects.push(configMap("mismatch-ca-certificate", other.rootPem));
  return { manifests: JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }), rootPem: root.rootPem };
}

async function authority(now: Date): Promise<Authority> {
  const { certificatePem, keyPem } = await createSelfSignedRoot("conformance root", now);
  return authorityFrom({ certificate: certificatePem, key: keyPem });
}
