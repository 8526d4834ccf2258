import { WireWriter } from "#xds/protobuf-wire.ts";
import type { XdsNode } from "./node.ts";

/** `envoy.config.core.v3.Node` */
export function encodeNode({ id, cluster, metadata, locality }: XdsNode): WireWriter {
  const { region = "", zone = "", sub_zone: subZone = "" } = locality;
  return new WireWriter()
    .string(1, id)
    .string(2, cluster)
    .message(3, encodeStruct(metadata))
    .message(4, new WireWriter().string(1, region).string(2, zone).string(3, subZone));
}

/** A `google.protobuf.Struct`. */
export function encodeStruct(fields: Readonly<Record<string, unknown>>): WireWriter {
  const struct = new WireWriter();
  for (const [key, value] of Object.entries(fields)) {
    if (value !== undefined) struct.message(1, new WireWriter().string(1, key).message(2, encodeValue(value)));
  }
  return struct;
}

function encodeValue(value: unknown): WireWriter {
  const writer = new WireWriter();
  if (typeof value === "string") return writer.bytes(3, Buffer.from(value, "utf8"));
  if (typeof value === "boolean") return writer.encoded([Uint8Array.from([4 * 8, Number(value)])]);
  if (typeof value === "number") {
    const bits = Buffer.alloc(8);
    bits.writeDoubleLE(value);
    return writer.encoded([Uint8Array.from([2 * 8 + 1]), bits]);
  }
  if (Array.isArray(value)) {
    const list = new WireWriter();
    for (const item of value) list.message(1, encodeValue(item));
    return writer.message(6, list);
  }
  if (typeof value === "object" && value !== null) {
    return writer.message(5, encodeStruct(value as Readonly<Record<string, unknown>>));
  }
  // Null, as number 0 of its one-value enumeration.
  return writer.encoded([Uint8Array.from([1 * 8, 0])]);
}
