import { memo } from "#model/memo.ts";
import { joinSmall } from "./pieces.ts";
import { WireWriter } from "./protobuf-wire.ts";
import type { Resource } from "./resource.ts";
import type { ResourceSet } from "./resource-set.ts";

/**
 * A set as the `resources` of a `DeltaDiscoveryResponse`. A shared list is encoded once, and the same bytes go to every client that
 * gets it, however many of them wait in sockets.
 */
export function encodedResources({ shared, own }: ResourceSet): readonly Uint8Array[] {
  return own.length === 0 ? encodeShared(shared) : [...encodeShared(shared), ...encode(own)];
}

function encode(list: readonly Resource[]): readonly Uint8Array[] {
  const writer = new WireWriter();
  for (const { name, version, any } of list)
    writer.message(2, new WireWriter().string(1, version).bytes(2, any).string(3, name));
  return joinSmall(writer.pieces());
}

const encodeShared = memo(encode);
