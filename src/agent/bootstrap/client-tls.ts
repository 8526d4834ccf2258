/** ClientTLSSettings as ProxyConfig has them, with files. */
export interface ClientTls {
  readonly mode?: "DISABLE" | "SIMPLE" | "MUTUAL" | "ISTIO_MUTUAL";
  readonly clientCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
  readonly subjectAltNames?: readonly string[];
  readonly sni?: string;
}

/** A certificate or root that the agent serves by name. */
export function secret(name: string): object {
  return {
    name,
    sds_config: {
      resource_api_version: "V3",
      api_config_source: {
        api_type: "GRPC",
        transport_api_version: "V3",
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: "sds-grpc" } }],
      },
    },
  };
}

/** The transport socket of a cluster that is called so; nothing for plain text. Istio: util.ConvertTLSContext of the bootstrap. */
export function upstreamTls(tls: ClientTls | undefined, alpn: readonly string[] = []): object {
  const { mode = "DISABLE", clientCertificate, privateKey, caCertificates, subjectAltNames = [], sni } = tls ?? {};
  if (mode === "DISABLE") return {};
  const own = mode === "ISTIO_MUTUAL";
  const certificate = own ? "default" : mode === "MUTUAL" ? `file-cert:${clientCertificate}~${privateKey}` : undefined;
  const root = own ? "ROOTCA" : caCertificates ? `file-root:${caCertificates}` : undefined;
  const names = subjectAltNames.map((exact) => ({ exact }));
  return {
    transport_socket: {
      name: "envoy.transport_sockets.tls",
      typed_config: {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        ...(sni ? { sni } : {}),
        common_tls_context: {
          ...(alpn.length > 0 ? { alpn_protocols: alpn } : {}),
          ...(certificate ? { tls_certificate_sds_secret_configs: [secret(certificate)] } : {}),
          ...(root
            ? {
                combined_validation_context: {
                  default_validation_context: names.length > 0 ? { match_subject_alt_names: names } : {},
                  validation_context_sds_secret_config: secret(root),
                },
              }
            : {}),
        },
      },
    },
  };
}
