import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type TransportSocket, TransportSocketSchema } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import { TlsParameters_TlsProtocol } from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type CommonTlsContext,
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
} from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { ServerTLS } from "#api/istio/gateway.ts";
import { isKnownCipherSuite } from "#config/cipher-suites.ts";
import { file, fileAuthorities, filePair } from "./files.ts";
import { caSuffix, secretReference } from "./secret-reference.ts";

type Context = Exclude<MessageInitShape<typeof CommonTlsContextSchema>, CommonTlsContext>;
type Validation = NonNullable<Context["validationContextType"]>;

const protocols: Readonly<Record<string, TlsParameters_TlsProtocol>> = {
  TLSV1_0: TlsParameters_TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters_TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
};

/**
 * The transport socket of a gateway's server that ends TLS; undefined for one that doesn't, or that uses the workload's own
 * certificate. Istio: BuildListenerTLSContext.
 */
export function serverTls(tls: ServerTLS | undefined): TransportSocket | undefined {
  const mode = tls?.mode ?? "PASSTHROUGH";
  if (tls === undefined || !["SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL"].includes(mode)) return undefined;
  const checksClients = mode !== "SIMPLE";
  const context = create(DownstreamTlsContextSchema, {
    commonTlsContext: {
      alpnProtocols: ["h2", "http/1.1"],
      ...parameters(tls),
      ...certificates(tls),
      ...validation(tls, checksClients),
    },
    requireClientCertificate: mode === "MUTUAL",
  });
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: { case: "typedConfig", value: anyPack(DownstreamTlsContextSchema, context) },
  });
}

function parameters({ minProtocolVersion = "", maxProtocolVersion = "", cipherSuites = [] }: ServerTLS): Context {
  const minimum = protocols[minProtocolVersion];
  const maximum = protocols[maxProtocolVersion];
  const suites = cipherSuites.filter(isKnownCipherSuite);
  if (minimum === undefined && maximum === undefined && suites.length === 0) return {};
  return {
    tlsParams: {
      cipherSuites: [...new Set(suites)],
      ...(minimum === undefined ? {} : { tlsMinimumProtocolVersion: minimum }),
      ...(maximum === undefined ? {} : { tlsMaximumProtocolVersion: maximum }),
    },
  };
}

/** From secrets, or from files of the gateway's container, which Envoy reads again when they are replaced. */
function certificates(tls: ServerTLS): Context {
  const names = credentials(tls);
  if (names.length > 0) return { tlsCertificateSdsSecretConfigs: names.map(secretReference) };
  const files = tls.tlsCertificates?.length ? tls.tlsCertificates.slice(0, maxFilePairs) : [tls];
  return {
    tlsCertificates: files.flatMap(({ serverCertificate, privateKey }) =>
      serverCertificate && privateKey ? [filePair(serverCertificate, privateKey)] : [],
    ),
  };
}

/** Envoy takes one pair for each kind of key. */
const maxFilePairs = 2;

function credentials({ credentialName, credentialNames = [] }: ServerTLS): readonly string[] {
  return credentialName ? [credentialName] : credentialNames;
}

function validation(tls: ServerTLS, checksClients: boolean): Context {
  const { subjectAltNames = [], verifyCertificateSpki = [], verifyCertificateHash = [] } = tls;
  const checks = {
    matchSubjectAltNames: subjectAltNames.map((name) => ({ matchPattern: { case: "exact", value: name } as const })),
    verifyCertificateSpki: [...verifyCertificateSpki],
    verifyCertificateHash: [...verifyCertificateHash],
  };
  if (!checksClients) {
    if (subjectAltNames.length === 0) return {};
    const names: Validation = {
      case: "validationContext",
      value: { matchSubjectAltNames: checks.matchSubjectAltNames },
    };
    return { validationContextType: names };
  }
  const [first] = credentials(tls);
  const credential = tls.caCertCredentialName || first;
  if (credential === undefined) {
    const { caCertificates = "", caCrl } = tls;
    const fromFile: Validation = {
      case: "validationContext",
      value: {
        ...checks,
        ...fileAuthorities(caCertificates),
        ...(caCrl ? { crl: file(caCrl) } : {}),
      },
    };
    return { validationContextType: fromFile };
  }
  const fromSecret: Validation = {
    case: "combinedValidationContext",
    value: {
      defaultValidationContext: checks,
      validationContextSdsSecretConfig: secretReference(`${credential}${caSuffix}`),
    },
  };
  return { validationContextType: fromSecret };
}
