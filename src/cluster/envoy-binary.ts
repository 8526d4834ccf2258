import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where the set-up program puts Envoy for root (setup/envoy.mjs). */
const inCache = "/var/cache/weft/envoy-1.40.0/envoy";

/** The Envoy that sidecars and gateways run: `WEFT_ENVOY`, what the set-up downloaded, or the PATH's; undefined without any. */
export function findEnvoy(): string | undefined {
  const given = process.env["WEFT_ENVOY"];
  if (given) return given;
  if (existsSync(inCache)) return inCache;
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "envoy"))
    .find((path) => existsSync(path));
}
