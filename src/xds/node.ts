import { WireError, WireReader, wireType } from "./protobuf-wire.ts";

/** What a client says about itself in the first request of a stream (`envoy.config.core.v3.Node`). */
export interface XdsNode {
  readonly id: string;
  readonly cluster: string;
  /** The metadata `Struct` as JSON. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
  readonly userAgentName: string;
  readonly userAgentVersion: string;
}

/** A `Struct` nested deeper than this is refused. */
const maxDepth = 32;

/** Throws {@link WireError} for bytes that aren't a Node. */
export function decodeNode(bytes: Uint8Array): XdsNode {
  const reader = new WireReader(bytes);
  let id = "";
  let cluster = "";
  let metadata: Record<string, unknown> = {};
  let locality = { region: "", zone: "", subZone: "" };
  let userAgentName = "";
  let userAgentVersion = "";
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) id = reader.string();
    else if (tag.field === 2) cluster = reader.string();
    else if (tag.field === 3) metadata = decodeStruct(reader.bytes());
    else if (tag.field === 4) locality = decodeLocality(reader.bytes());
    else if (tag.field === 6) userAgentName = reader.string();
    else if (tag.field === 7) userAgentVersion = reader.string();
    else if (tag.field === 8) userAgentVersion = decodeBuildVersion(reader.bytes());
    else reader.skip(tag.type);
  }
  return { id, cluster, metadata, locality, userAgentName, userAgentVersion };
}

function decodeLocality(bytes: Uint8Array): XdsNode["locality"] {
  const reader = new WireReader(bytes);
  const locality = { region: "", zone: "", subZone: "" };
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) locality.region = reader.string();
    else if (tag.field === 2) locality.zone = reader.string();
    else if (tag.field === 3) locality.subZone = reader.string();
    else reader.skip(tag.type);
  }
  return locality;
}

/** `BuildVersion{version: SemanticVersion{major, minor, patch}}` as `1.40.0`. */
function decodeBuildVersion(bytes: Uint8Array): string {
  const reader = new WireReader(bytes);
  const parts = [0, 0, 0];
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field !== 1) {
      reader.skip(tag.type);
      continue;
    }
    const version = new WireReader(reader.bytes());
    for (let part = version.next(); part; part = version.next()) {
      if (part.type === wireType.varint && part.field >= 1 && part.field <= 3) parts[part.field - 1] = version.varint();
      else version.skip(part.type);
    }
  }
  return parts.join(".");
}

/** A `google.protobuf.Struct` as JSON. Throws {@link WireError} for bytes that aren't one. */
export function decodeStruct(bytes: Uint8Array, depth: number = 0): Record<string, unknown> {
  if (depth > maxDepth) throw new WireError("a struct is nested too deeply");
  const reader = new WireReader(bytes);
  const entries: [string, unknown][] = [];
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field !== 1) {
      reader.skip(tag.type);
      continue;
    }
    const entry = new WireReader(reader.bytes());
    let key = "";
    let value: unknown = null;
    for (let part = entry.next(); part; part = entry.next()) {
      if (part.field === 1) key = entry.string();
      else if (part.field === 2) value = decodeValue(entry.bytes(), depth + 1);
      else entry.skip(part.type);
    }
    entries.push([key, value]);
  }
  return Object.fromEntries(entries);
}

function decodeValue(bytes: Uint8Array, depth: number): unknown {
  const reader = new WireReader(bytes);
  let value: unknown = null;
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) {
      reader.varint();
      value = null;
    } else if (tag.field === 2) value = reader.double();
    else if (tag.field === 3) value = reader.string();
    else if (tag.field === 4) value = reader.varint() !== 0;
    else if (tag.field === 5) value = decodeStruct(reader.bytes(), depth + 1);
    else if (tag.field === 6) value = decodeList(reader.bytes(), depth + 1);
    else reader.skip(tag.type);
  }
  return value;
}

function decodeList(bytes: Uint8Array, depth: number): unknown[] {
  if (depth > maxDepth) throw new WireError("a struct is nested too deeply");
  const reader = new WireReader(bytes);
  const list: unknown[] = [];
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) list.push(decodeValue(reader.bytes(), depth + 1));
    else reader.skip(tag.type);
  }
  return list;
}
