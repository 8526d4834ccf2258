import type { Message } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { reflect } from "@bufbuild/protobuf/reflect";
import { envoyTypes } from "#api/envoy/types.ts";

/** Names of the extensions in `message` that have no configuration of their type. Istio: validateMissingTypedConfigFilterTypes. */
export function withoutTypedConfig(message: Message): readonly string[] {
  const type = envoyTypes().getMessage(message.$typeName);
  return type === undefined ? [] : search(reflect(type, message));
}

function search(message: ReflectMessage): readonly string[] {
  const found: string[] = [];
  let name = "";
  let isExtension = false;
  let isConfigured = false;
  for (const field of message.desc.fields) {
    const isSet = message.isSet(field);
    if (field.name === "name" && field.fieldKind === "scalar") name = String(message.get(field));
    if (field.name === "typed_config") isExtension = true;
    if ((field.name === "typed_config" || field.name === "config_discovery") && isSet) isConfigured = true;
    if (isSet && field.fieldKind === "message") found.push(...search(message.get(field)));
  }
  if (isExtension && !isConfigured) found.push(name);
  return found;
}
