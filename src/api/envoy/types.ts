import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

let loaded: FileRegistry | undefined;

/**
 * Every message of Envoy's configuration, for what users write themselves: the generated sources only have those that Weft sends.
 * Made on first use (some 40 ms and 20 MB), as most processes never need it.
 */
export function envoyTypes(): FileRegistry {
  loaded ??= createFileRegistry(
    fromBinary(FileDescriptorSetSchema, gunzipSync(readFileSync(join(import.meta.dirname, "types.binpb.gz")))),
  );
  return loaded;
}
