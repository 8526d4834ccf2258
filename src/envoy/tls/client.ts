import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type TransportSocket, TransportSocketSchema } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import type { ConfigSource } from "#api/envoy/gen/envoy/config/core/v3/config_source_pb.js";
import { TlsParameters_TlsProtocol } from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type CommonTlsContext,
  type CommonTlsContextSchema,
  UpstreamTlsContextSchema,
} from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import type { ClientTLS } from "#api/istio/destination-rule.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { file } from "./files.ts";
import { caSuffix, fileAuthorities, filePair, secretReference } from "./secret-reference.ts";

type Context = Exclude<MessageInitShape<typeof CommonTlsContextSchema>, CommonTlsContext>;
type Validation = NonNullable<Context["validationContextType"]>;

/** Settings for TLS to servers that bring certificates of their own. */
type OwnTls = ClientTLS & { readonly mode: "SIMPLE" | "MUTUAL" };

/**
 * The settings if they make the proxy open TLS by itself. Secrets are only for gateways and for rules that choose their
 * workloads: others would wait for one that they may not read. `names` are those that the service's certificate must have one of
 * where the settings don't say it. Istio: buildUpstreamClusterTLSContext.
 */
export function ownTls(
  tls: ClientTLS | undefined,
  mayReadSecrets: boolean,
  names: readonly string[],
): OwnTls | undefined {
  if (tls?.mode !== "SIMPLE" && tls?.mode !== "MUTUAL") return undefined;
  if (tls.credentialName && !mayReadSecrets && !isOpenToAll(tls.credentialName)) return undefined;
  const subjectAltNames = tls.subjectAltNames?.length || tls.insecureSkipVerify ? tls.subjectAltNames : names;
  return { ...tls, mode: tls.mode, ...(subjectAltNames ? { subjectAltNames } : {}) };
}

/** ConfigMaps are; what is invalid too: calls fail then, and aren't made in plain text. Istio: privilegedCredentialLookup. */
function isOpenToAll(credential: string): boolean {
  return credential.startsWith("configmap://") || credential === "invalid://";
}

/**
 * The transport socket of a cluster whose servers end TLS. `http2`: what is spoken inside; `shown`: a credential that is shown to
 * servers where the settings have none. Istio: constructUpstreamTLS.
 */
export function clientTls(
  tls: OwnTls,
  http2: boolean,
  { tlsDefaults }: MeshConfig,
  { files, shown }: { readonly files: ConfigSource; readonly shown: string | undefined },
): TransportSocket {
  const context = create(UpstreamTlsContextSchema, {
    sni: tls.sni ?? "",
    commonTlsContext: {
      tlsParams: {
        tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
        tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
        cipherSuites: [...tlsDefaults.cipherSuites],
        ecdhCurves: [...tlsDefaults.ecdhCurves],
      },
      alpnProtocols: http2 ? ["h2"] : [],
      ...certificate(tls, files, shown),
      validationContextType: validation(tls, files),
    },
  });
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: { case: "typedConfig", value: anyPack(UpstreamTlsContextSchema, context) },
  });
}

function certificate(
  { mode, credentialName, clientCertificate, privateKey }: OwnTls,
  files: ConfigSource,
  shown: string | undefined,
): Context {
  if (mode === "SIMPLE") return shown ? { tlsCertificateSdsSecretConfigs: [secretReference(shown)] } : {};
  if (credentialName) return { tlsCertificateSdsSecretConfigs: [secretReference(credentialName)] };
  const given = clientCertificate && privateKey;
  return given ? { tlsCertificateSdsSecretConfigs: [filePair(clientCertificate, privateKey, files)] } : {};
}

function validation(tls: OwnTls, files: ConfigSource): Validation {
  const { credentialName, caCertificates, caCrl, subjectAltNames = [] } = tls;
  if (tls.insecureSkipVerify) return { case: "validationContext", value: {} };
  const checks = {
    matchSubjectAltNames: subjectAltNames.map((name) => ({ matchPattern: { case: "exact", value: name } as const })),
    ...(caCrl ? { crl: file(caCrl) } : {}),
  };
  const validationContextSdsSecretConfig = credentialName
    ? secretReference(`${credentialName}${caSuffix}`)
    : fileAuthorities(caCertificates || "system", files);
  return {
    case: "combinedValidationContext",
    value: { defaultValidationContext: checks, validationContextSdsSecretConfig },
  };
}

/**
 * What follows from the request where the settings leave it open: the name asked for is the request's host, and the certificate
 * must be for it. Istio: setAutoSniAndAutoSanValidation.
 */
export function fromRequest({
  sni,
  subjectAltNames = [],
  insecureSkipVerify = false,
}: OwnTls): { readonly autoSni: true; readonly autoSanValidation: boolean } | undefined {
  if (sni) return undefined;
  return { autoSni: true, autoSanValidation: subjectAltNames.length === 0 && !insecureSkipVerify };
}
