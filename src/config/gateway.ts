import type { GatewaySpec } from "#api/istio/gateway.ts";
import { checkGateway } from "./gateway-rules.ts";
import type { IstioKind } from "./kind.ts";
import { bool, list, object, oneOf, resource, ruled, text } from "./schema/build.ts";
import type { JsonSchema } from "./schema/json-schema.ts";
import { labels, unsigned } from "./schema/traffic.ts";
import { schemaKind } from "./schema-kind.ts";

const protocolVersions = ["TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"];

const tlsFields = object(
  {
    httpsRedirect: bool("Whether plain HTTP is sent to HTTPS with 301."),
    mode: oneOf(["PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"]),
    serverCertificate: text("File with the certificate."),
    privateKey: text("File with the key."),
    caCertificates: text("File with the authorities that clients' certificates are checked with."),
    caCrl: text("File with revoked certificates."),
    caCertCredentialName: text("Secret with the authorities."),
    tlsCertificates: list(
      object({ serverCertificate: text(), privateKey: text(), caCertificates: text() }),
      "Certificates of different kinds of keys.",
      { minItems: 1 },
    ),
    credentialName: text("Secret with certificate and key."),
    credentialNames: list(text(), "Secrets with certificates of different kinds of keys.", {
      minItems: 1,
      maxItems: 2,
    }),
    subjectAltNames: list(text(), "Names of which a client's certificate must have one."),
    verifyCertificateSpki: list(text(), "Accepted hashes of clients' keys."),
    verifyCertificateHash: list(text(), "Accepted hashes of clients' certificates."),
    minProtocolVersion: oneOf(protocolVersions),
    maxProtocolVersion: oneOf(protocolVersions),
    cipherSuites: list(text(), "Accepted ciphers of TLS 1.2 and older."),
    ecdhCurves: list(text(), "Accepted curves."),
    insecureSkipVerify: bool("Whether clients' certificates go unchecked."),
  },
  { description: "TLS of a server." },
);

/** One rule for each pair: all in one would cost more than Kubernetes allows in a list without limit. */
export const serverTls: JsonSchema = ruled(tlsFields, {
  "!has(self.credentialNames) || !has(self.credentialName) || self.credentialName == ''":
    "only one of credentialName and credentialNames can be set",
  "!has(self.tlsCertificates) || !has(self.credentialName) || self.credentialName == ''":
    "only one of credentialName and tlsCertificates can be set",
  "!has(self.credentialNames) || !has(self.tlsCertificates)":
    "only one of credentialNames and tlsCertificates can be set",
});

const spec = object(
  {
    servers: list(
      object(
        {
          port: object(
            {
              number: unsigned("Port of the gateway's Service."),
              name: text(),
              protocol: text("HTTP, HTTPS, HTTP2, GRPC, GRPC-WEB, MONGO, TCP or TLS."),
              targetPort: unsigned("Not used."),
            },
            { required: ["number", "protocol", "name"] },
          ),
          bind: text("Address to listen on; all of them unless set."),
          hosts: list(text(), "Hosts that may be called, each with its namespace before a slash or without."),
          tls: serverTls,
          defaultEndpoint: text("Not used."),
          name: text("Name of the server, for statistics."),
        },
        { required: ["port", "hosts"] },
      ),
      "What the gateway listens to.",
    ),
    selector: labels,
  },
  { description: "The ports of gateway proxies, and the hosts they serve." },
);

export const gatewayKind: IstioKind = schemaKind<GatewaySpec>(
  {
    kind: "Gateway",
    plural: "gateways",
    singular: "gateway",
    shortNames: ["gw"],
    group: "networking.istio.io",
    versions: ["v1", "v1beta1", "v1alpha3"].map((name) => ({ name, served: true, storage: name === "v1" })),
    scope: "Namespaced",
    printerColumns: [],
    schema: resource(spec),
  },
  checkGateway,
);
