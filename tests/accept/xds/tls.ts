import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** What INDEX.md compares of a TLS context: mode, names, certificates. Where secrets come from isn't compared. */
export function tlsOf(socket: JsonValue): JsonObject | undefined {
  const { typedConfig = {} } = socket as { readonly typedConfig?: JsonObject };
  const common = (typedConfig["commonTlsContext"] ?? {}) as JsonObject;
  const { combined, plain } = {
    combined: common["combinedValidationContext"] as JsonObject | undefined,
    plain: common["validationContext"] as JsonObject | undefined,
  };
  const checks = (combined?.["defaultValidationContext"] ?? plain ?? {}) as JsonObject;
  const certificates = [
    ...objects(common["tlsCertificateSdsSecretConfigs"]).map(({ name }) => name ?? null),
    ...objects(common["tlsCertificates"]).map(
      ({ certificateChain, privateKey }) => `file-cert:${fileOf(certificateChain)}~${fileOf(privateKey)}`,
    ),
  ];
  const authorities =
    (combined?.["validationContextSdsSecretConfig"] as JsonObject | undefined)?.["name"] ?? authoritiesFile(plain);
  // The workload's own certificate, and the mesh's authority.
  if (certificates.includes("default") || authorities === "ROOTCA") return undefined;
  const {
    tlsMinimumProtocolVersion = null,
    tlsMaximumProtocolVersion = null,
    cipherSuites = [],
  } = (common["tlsParams"] ?? {}) as JsonObject;
  return {
    server: (typedConfig["@type"] as string).endsWith("DownstreamTlsContext"),
    sni: typedConfig["sni"] ?? "",
    certificates,
    authorities: authorities ?? null,
    names: objects(checks["matchSubjectAltNames"]).map(({ exact }) => exact ?? null),
    wantsClientCertificate: typedConfig["requireClientCertificate"] === true,
    versions: [tlsMinimumProtocolVersion, tlsMaximumProtocolVersion],
    cipherSuites,
  };
}

const systemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

function authoritiesFile(validation: JsonObject | undefined): string | undefined {
  const path = fileOf(validation?.["trustedCa"]);
  if (path === "") return undefined;
  return `file-root:${path === systemAuthorities ? "system" : path}`;
}

function fileOf(source: JsonValue | undefined): string {
  const path = (source as JsonObject | undefined)?.["filename"];
  return typeof path === "string" ? path : "";
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return (value ?? []) as JsonObject[];
}
