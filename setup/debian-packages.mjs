import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { SetupError, step } from "./say.mjs";

/** What is looked for → the package that has it. */
const needed = [
  ["ip", "iproute2"],
  ["nft", "nftables"],
  ["iptables", "iptables"],
  ["crun", "crun"],
  ["curl", "curl"],
  ["ps", "procps"],
  ["unshare", "util-linux"],
  ["mount", "mount"],
  ["python3", "python3"],
];

/** What some tests look through; without it they are skipped and say so. */
const neededByTests = [
  ["tcpdump", "tcpdump"],
  ["openssl", "openssl"],
];

/** Installs what tests lack, where that can be done. */
export async function ensureTestPackages() {
  const missing = neededByTests.filter(([program]) => !isOnPath(program)).map(([, name]) => name);
  if (missing.length === 0 || process.getuid?.() !== 0 || !isOnPath("apt-get")) return;
  await step(`Debian packages for tests: ${missing.join(", ")}`, () => {
    if (!install(missing)) process.stderr.write(`   not installed: the tests that need them are skipped\n`);
  });
}

/** Installs what is missing; without root or without apt it says what, and how to get it. */
export async function ensureDebianPackages({ withPip }) {
  const missing = needed.filter(([program]) => !isOnPath(program)).map(([, name]) => name);
  if (withPip && !hasPip()) missing.push("python3-pip");
  if (!existsSync("/etc/ssl/certs/ca-certificates.crt")) missing.push("ca-certificates");
  if (missing.length === 0) return;
  const command = `apt-get install --yes --no-install-recommends ${missing.join(" ")}`;
  if (process.getuid?.() !== 0) throw new SetupError(`missing: ${missing.join(", ")}. As root: ${command}`);
  if (!isOnPath("apt-get"))
    throw new SetupError(
      `missing (by Debian's names): ${missing.join(", ")}. This is ${systemName()}: install them with its own tool, then start again`,
    );
  await step(`Debian packages: ${missing.join(", ")}`, () => {
    if (install(missing)) return;
    throw new SetupError(`apt-get failed. Try: apt-get update && ${command}`);
  });
}

function install(packages) {
  const once = () => apt(["install", "--yes", "--no-install-recommends", ...packages]);
  // The package lists may be missing or old.
  return once() || (apt(["update"]) && once());
}

function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const result = spawnSync("apt-get", ["-qq", ...args], { env, stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  if (result.status !== 0) process.stderr.write(result.stderr ?? "");
  return result.status === 0;
}

function hasPip() {
  return spawnSync("python3", ["-c", "import pip"], { stdio: "ignore" }).status === 0;
}

function isOnPath(program) {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin", "/bin"];
  return folders.some((folder) => existsSync(join(folder, program)));
}

function systemName() {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "another system";
  } catch {
    return "another system";
  }
}
