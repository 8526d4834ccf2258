import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type TransportSocket, TransportSocketSchema } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import type { ConfigSource } from "#api/envoy/gen/envoy/config/core/v3/config_source_pb.js";
import { TlsParameters_TlsProtocol } from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type CommonTlsContext,
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
} from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { ServerTLS } from "#api/istio/gateway.ts";
import { isKnownCipherSuite, isKnownCurve } from "#config/cipher-suites.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { file } from "./files.ts";
import {
  caSuffix,
  fileAuthorities,
  filePair,
  meshAuthorities,
  secretReference,
  workloadCertificate,
} from "./secret-reference.ts";

type Context = Exclude<MessageInitShape<typeof CommonTlsContextSchema>, CommonTlsContext>;
type Validation = NonNullable<Context["validationContextType"]>;

const protocols: Readonly<Record<string, TlsParameters_TlsProtocol>> = {
  TLSV1_0: TlsParameters_TlsProtocol.TLSv1_0,
  TLSV1_1: TlsParameters_TlsProtocol.TLSv1_1,
  TLSV1_2: TlsParameters_TlsProtocol.TLSv1_2,
  TLSV1_3: TlsParameters_TlsProtocol.TLSv1_3,
};

const modes: readonly string[] = ["SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL", "ISTIO_MUTUAL"];

/** The transport socket of a gateway's server that ends TLS; undefined for one that doesn't. Istio: BuildListenerTLSContext. */
export function serverTls(
  tls: ServerTLS | undefined,
  mesh: MeshConfig,
  files: ConfigSource,
): TransportSocket | undefined {
  const mode = tls?.mode ?? "PASSTHROUGH";
  if (tls === undefined || !modes.includes(mode)) return undefined;
  const context = create(DownstreamTlsContextSchema, {
    commonTlsContext:
      mode === "ISTIO_MUTUAL"
        ? { ...parameters(tls, noDefaults), ...identities(tls) }
        : {
            alpnProtocols: ["h2", "http/1.1"],
            ...parameters(tls, mesh.tlsDefaults),
            ...certificates(tls, files),
            ...validation(tls, mode !== "SIMPLE", files),
          },
    requireClientCertificate: mode === "MUTUAL" || mode === "ISTIO_MUTUAL",
  });
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: { case: "typedConfig", value: anyPack(DownstreamTlsContextSchema, context) },
  });
}

type Defaults = MeshConfig["tlsDefaults"];
const noDefaults: Defaults = { cipherSuites: [], ecdhCurves: [] };

function parameters(tls: ServerTLS, defaults: Defaults): Context {
  const minimum = protocols[tls.minProtocolVersion ?? ""];
  const maximum = protocols[tls.maxProtocolVersion ?? ""];
  const suites = (tls.cipherSuites ?? []).filter(isKnownCipherSuite);
  const curves = (tls.ecdhCurves ?? []).filter(isKnownCurve);
  const cipherSuites = suites.length > 0 ? [...new Set(suites)] : [...defaults.cipherSuites];
  const ecdhCurves = curves.length > 0 ? [...new Set(curves)] : [...defaults.ecdhCurves];
  const said = [minimum, maximum, ...cipherSuites, ...ecdhCurves].some((value) => value !== undefined);
  if (!said) return {};
  return {
    tlsParams: {
      cipherSuites,
      ecdhCurves,
      ...(minimum === undefined ? {} : { tlsMinimumProtocolVersion: minimum }),
      ...(maximum === undefined ? {} : { tlsMaximumProtocolVersion: maximum }),
    },
  };
}

/** With the workload's own certificate, for clients of the mesh. As sidecars, it names no protocols. */
function identities({ subjectAltNames = [], caCrl }: ServerTLS): Context {
  return {
    tlsCertificateSdsSecretConfigs: [workloadCertificate],
    validationContextType: {
      case: "combinedValidationContext",
      value: {
        defaultValidationContext: {
          matchSubjectAltNames: subjectAltNames.map(exactly),
          ...(caCrl ? { crl: file(caCrl) } : {}),
        },
        validationContextSdsSecretConfig: meshAuthorities,
      },
    },
  };
}

function exactly(value: string) {
  return { matchPattern: { case: "exact", value } } as const;
}

/** From secrets, or from files of the gateway's container; both may be replaced. */
function certificates(tls: ServerTLS, source: ConfigSource): Context {
  const names = credentials(tls);
  if (names.length > 0) return { tlsCertificateSdsSecretConfigs: names.map(secretReference) };
  const files = tls.tlsCertificates?.length ? tls.tlsCertificates.slice(0, maxFilePairs) : [tls];
  return {
    tlsCertificateSdsSecretConfigs: files.flatMap(({ serverCertificate, privateKey }) =>
      serverCertificate && privateKey ? [filePair(serverCertificate, privateKey, source)] : [],
    ),
  };
}

/** Envoy takes one pair for each kind of key. */
const maxFilePairs = 2;

function credentials({ credentialName, credentialNames = [] }: ServerTLS): readonly string[] {
  return credentialName ? [credentialName] : credentialNames;
}

function validation(tls: ServerTLS, checksClients: boolean, files: ConfigSource): Context {
  const { subjectAltNames = [], verifyCertificateSpki = [], verifyCertificateHash = [] } = tls;
  const checks = {
    matchSubjectAltNames: subjectAltNames.map(exactly),
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
  const { caCertificates = "", caCrl } = tls;
  const fromFile = credential === undefined;
  return {
    validationContextType: {
      case: "combinedValidationContext",
      value: {
        defaultValidationContext: { ...checks, ...(fromFile && caCrl ? { crl: file(caCrl) } : {}) },
        validationContextSdsSecretConfig: fromFile
          ? fileAuthorities(caCertificates, files)
          : secretReference(`${credential}${caSuffix}`),
      },
    },
  };
}
