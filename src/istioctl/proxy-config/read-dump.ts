import { type ConnectionFlags, connect } from "../connection.ts";
import { askProxy } from "../proxy-admin.ts";
import { readUserFile } from "../read-file.ts";
import { UsageError } from "../usage-error.ts";
import type { ConfigDump } from "./envoy-dump.ts";

interface DumpSource extends ConnectionFlags {
  /** A saved dump. */
  readonly file?: string;
}

/** All that a pod's Envoy runs with. Throws {@link UsageError} when it can't be had. */
export function readDump(target: string | undefined, source: DumpSource): Promise<ConfigDump> {
  return readJson<ConfigDump>(target, source, "config_dump?include_eds");
}

/** An answer of a pod's Envoy in JSON, or the file in its place. Throws {@link UsageError} when it can't be had. */
export async function readJson<T>(target: string | undefined, source: DumpSource, path: string): Promise<T> {
  if (source.file) return parse<T>(readUserFile(source.file), source.file);
  if (!target) throw new UsageError("which proxy? Name a pod: POD or POD.NAMESPACE; see istioctl proxy-status");
  return JSON.parse(await askProxy(connect(source), target, "GET", path)) as T;
}

function parse<T>(text: string, file: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new UsageError(`${file}: is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
