import { create, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Any, AnySchema, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { SecretSchema } from "#api/envoy/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import { envoyTypes } from "#api/envoy/types.ts";
import type { Resource } from "#xds/resource.ts";

/** As Envoy's own dump says it. */
const redacted = { specifier: { case: "inlineBytes", value: new TextEncoder().encode("[redacted]") } } as const;

/** A resource in protobuf's JSON form, with `@type`, and without private keys. Types that aren't Envoy's come as `value`, in base64. */
export function decodeResource(resource: Resource): JsonValue {
  const any = fromBinary(AnySchema, resource.any);
  const registry = envoyTypes();
  if (!registry.getMessage(any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1)))
    return { "@type": any.typeUrl, value: Buffer.from(any.value).toString("base64") };
  return toJson(AnySchema, withoutKeys(any), { registry });
}

function withoutKeys(any: Any): Any {
  const secret = anyUnpack(any, SecretSchema);
  if (secret === undefined) return any;
  const { name, type } = secret;
  if (type.case === "validationContext") return any;
  const shown = type.case === "tlsCertificate" ? { certificateChain: type.value.certificateChain } : {};
  const value = { ...shown, privateKey: redacted };
  return anyPack(SecretSchema, create(SecretSchema, { name, type: { case: "tlsCertificate", value } }));
}
