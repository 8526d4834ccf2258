import { clone, type DescMessage, fromJson, type Message } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Any, anyPack, anyUnpack } from "@bufbuild/protobuf/wkt";
import { envoyTypes } from "#api/envoy/types.ts";

/** What happens with lists that both sides have. */
export type ListMerge = "append" | "replace";

/** Values that make sense as a whole only: half a duration of one side and half of the other is neither's. */
const whole = /^google\.protobuf\.(?:Any|Duration|Timestamp|Value|ListValue|\w+Value)$/;

/**
 * Puts what `source` says into `target`, as protobuf merges: messages field by field, maps by key, lists one after the other. Wrapped
 * values such as BoolValue are replaced, also by false or 0. Istio: pkg/proto/merge.
 */
export function mergeMessage(type: DescMessage, target: Message, source: Message, lists: ListMerge): void {
  mergeInto(reflect(type, target), reflect(type, clone(type, source)), lists);
}

function mergeInto(target: ReflectMessage, source: ReflectMessage, lists: ListMerge): void {
  for (const field of source.desc.fields) {
    if (!source.isSet(field)) continue;
    switch (field.fieldKind) {
      case "list": {
        if (lists === "replace") target.clear(field);
        const list = target.get(field);
        for (const item of source.get(field)) list.add(item);
        break;
      }
      case "map": {
        const map = target.get(field);
        for (const [key, value] of source.get(field)) map.set(key, value);
        break;
      }
      case "message": {
        if (whole.test(field.message.typeName) || !target.isSet(field)) {
          target.set(field, source.get(field));
          break;
        }
        const inner = target.get(field);
        mergeInto(inner, source.get(field), lists);
        target.set(field, inner);
        break;
      }
      default:
        target.set(field, source.get(field));
    }
  }
}

interface TypedStruct extends Message {
  readonly typeUrl: string;
  readonly value?: Parameters<typeof fromJson>[1];
}

/**
 * An extension's configuration with another's merged into it. Undefined when they are of different types. A TypedStruct is taken for
 * the type that it names.
 */
export function mergeConfig(target: Any, source: Any): Any | undefined {
  const types = envoyTypes();
  const type = types.getMessage(typeName(target.typeUrl));
  const into = anyUnpack(target, types);
  let from = anyUnpack(source, types);
  if (type === undefined || into === undefined || from === undefined) return undefined;
  if (from.$typeName !== type.typeName && /^(?:udpa|xds)\.type\.v\d\.TypedStruct$/.test(from.$typeName)) {
    const { typeUrl, value = {} } = from as TypedStruct;
    if (typeName(typeUrl) !== type.typeName) return undefined;
    from = fromJson(type, value, { registry: types, ignoreUnknownFields: true });
  }
  if (from.$typeName !== type.typeName) return undefined;
  mergeMessage(type, into, from, "append");
  return anyPack(type, into);
}

function typeName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}
