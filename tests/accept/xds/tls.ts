import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** What INDEX.md compares of a transport socket: of TLS mode, names, certificates; of others their name. Where secrets come from isn't compared. */
export function socketOf(socket: JsonValue): JsonObject {
  const { typedConfig = {}, name = "" } = socket as { readonly typedConfig?: JsonObject; readonly name?: string };
  const common = typedConfig["commonTlsContext"] as JsonObject | undefined;
  if (common === undefined) return { name };
  const combined = common["combinedValidationContext"] as JsonObject | undefined;
  const plain = common["validationContext"] as JsonObject | undefined;
  const checks = (combined?.["defaultValidationContext"] ?? plain ?? {}) as JsonObject;
  const certificates = objects(common["tlsCertificateSdsSecretConfigs"]).map(({ name: secret }) => secret ?? null);
  const authorities = (combined?.["validationContextSdsSecretConfig"] as JsonObject | undefined)?.["name"];
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
    names: [...objects(checks["matchSubjectAltNames"]), ...objects(checks["matchTypedSubjectAltNames"])].map(namesOf),
    wantsClientCertificate: typedConfig["requireClientCertificate"] === true,
    versions: [tlsMinimumProtocolVersion, tlsMaximumProtocolVersion],
    cipherSuites,
  };
}

/** What a name must be, or begin with; said of any kind of name, or of one. */
function namesOf(matcher: JsonObject): JsonValue {
  const { exact, prefix } = (matcher["matcher"] ?? matcher) as { exact?: string; prefix?: string };
  return exact ?? `${prefix ?? ""}*`;
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return (value ?? []) as JsonObject[];
}
