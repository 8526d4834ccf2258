import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Path of a test tool that comes from Go; `npm test` brings it where Go is (`setup/go-tools.mjs`). */
export function goTool(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/var/cache/weft/go-tools"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
