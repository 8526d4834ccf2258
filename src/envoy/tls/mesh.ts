import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { type TransportSocket, TransportSocketSchema } from "#api/envoy/gen/envoy/config/core/v3/base_pb.js";
import {
  SubjectAltNameMatcher_SanType,
  type SubjectAltNameMatcherSchema,
  TlsParameters_TlsProtocol,
} from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/common_pb.js";
import {
  type CommonTlsContext,
  type CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.js";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import { meshAuthorities, workloadCertificate } from "./secret-reference.ts";

type Context = Exclude<MessageInitShape<typeof CommonTlsContextSchema>, CommonTlsContext>;
type NameMatcher = MessageInitShape<typeof SubjectAltNameMatcherSchema>;

/** Offered by clients of the mesh, so that servers can tell their TLS from a workload's own. Nobody negotiates it. */
const meshProtocol = "istio";

/** For TLS 1.2; with 1.3 there is no choice to make. Istio: SupportedCiphers. */
const cipherSuites = [
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
  "AES128-GCM-SHA256",
];

/** The workload's own certificate is shown, and the peer's must be of the mesh and for one of `names`. */
function identities(names: readonly NameMatcher[]): Context {
  return {
    tlsCertificateSdsSecretConfigs: [workloadCertificate],
    validationContextType: {
      case: "combinedValidationContext",
      value: {
        defaultValidationContext: { matchTypedSubjectAltNames: [...names] },
        validationContextSdsSecretConfig: meshAuthorities,
      },
    },
  };
}

/**
 * Mutual TLS for what comes in: the client must have a certificate of the mesh's trust domain, or of one that stands for it. It names no
 * protocols, so that HTTP/1 and HTTP/2 are told apart by how they begin. Istio: BuildInboundTLS.
 */
export const meshServerTls: (mesh: MeshConfig) => TransportSocket = memo((mesh: MeshConfig) => {
  const { trustDomain, trustDomainAliases, meshMtls } = mesh;
  const domains = [...new Set([trustDomain, ...trustDomainAliases])];
  const context = create(DownstreamTlsContextSchema, {
    commonTlsContext: {
      ...identities(domains.map((domain) => uri({ case: "prefix", value: `spiffe://${domain}/` }))),
      tlsParams: {
        tlsMinimumProtocolVersion:
          meshMtls.minProtocolVersion === "TLSV1_3"
            ? TlsParameters_TlsProtocol.TLSv1_3
            : TlsParameters_TlsProtocol.TLSv1_2,
        tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
        cipherSuites: [...(meshMtls.cipherSuites.length > 0 ? meshMtls.cipherSuites : cipherSuites)],
        ecdhCurves: [...meshMtls.ecdhCurves],
      },
    },
    requireClientCertificate: true,
  });
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: { case: "typedConfig", value: anyPack(DownstreamTlsContextSchema, context) },
  });
});

/**
 * Mutual TLS to servers of the mesh; their certificate must have one of `names`, if any are given. `sni` tells gateways between
 * networks where it goes. Istio: buildUpstreamClusterTLSContext, ISTIO_MUTUAL.
 */
export function meshClientTls(sni: string, names: readonly string[], { meshMtls }: MeshConfig): TransportSocket {
  const context = create(UpstreamTlsContextSchema, {
    sni,
    commonTlsContext: {
      ...identities(names.map(exactly)),
      alpnProtocols: [meshProtocol],
      tlsParams: {
        tlsMinimumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_2,
        tlsMaximumProtocolVersion: TlsParameters_TlsProtocol.TLSv1_3,
        // What servers insist on must be offered.
        ecdhCurves: [...meshMtls.ecdhCurves],
      },
    },
  });
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: { case: "typedConfig", value: anyPack(UpstreamTlsContextSchema, context) },
  });
}

/** A DestinationRule may ask for a DNS name too. */
function exactly(value: string): NameMatcher {
  const exact = { case: "exact", value } as const;
  if (value.includes("://")) return uri(exact);
  return { sanType: SubjectAltNameMatcher_SanType.DNS, matcher: { matchPattern: exact } };
}

function uri(matchPattern: { readonly case: "exact" | "prefix"; readonly value: string }): NameMatcher {
  return { sanType: SubjectAltNameMatcher_SanType.URI, matcher: { matchPattern } };
}
