import { WireReader } from "#xds/protobuf-wire.ts";

/** One host of the table. Istio: NameTable.NameInfo. */
export interface NameInfo {
  readonly ips: readonly string[];
  /** `Kubernetes` or `External`. */
  readonly registry: string;
  /** Name and namespace of a Kubernetes Service. */
  readonly shortname: string;
  readonly namespace: string;
}

/** More hosts than a mesh has; a table with more isn't read further. */
const maxHosts = 200_000;

/** Decodes `istio.networking.nds.v1.NameTable`. Throws a WireError for bytes that aren't one. */
export function decodeNameTable(bytes: Uint8Array): ReadonlyMap<string, NameInfo> {
  const table = new Map<string, NameInfo>();
  const reader = new WireReader(bytes);
  for (let tag = reader.next(); tag && table.size < maxHosts; tag = reader.next()) {
    if (tag.field !== 1) {
      reader.skip(tag.type);
      continue;
    }
    const entry = new WireReader(reader.bytes());
    let host = "";
    let info: NameInfo | undefined;
    for (let part = entry.next(); part; part = entry.next()) {
      if (part.field === 1) host = entry.string();
      else if (part.field === 2) info = decodeInfo(entry.bytes());
      else entry.skip(part.type);
    }
    if (host !== "" && info !== undefined) table.set(host.toLowerCase(), info);
  }
  return table;
}

function decodeInfo(bytes: Uint8Array): NameInfo {
  const reader = new WireReader(bytes);
  const ips: string[] = [];
  let registry = "";
  let shortname = "";
  let namespace = "";
  for (let tag = reader.next(); tag; tag = reader.next()) {
    if (tag.field === 1) ips.push(reader.string());
    else if (tag.field === 2) registry = reader.string();
    else if (tag.field === 3) shortname = reader.string();
    else if (tag.field === 4) namespace = reader.string();
    else reader.skip(tag.type);
  }
  return { ips, registry, shortname, namespace };
}
