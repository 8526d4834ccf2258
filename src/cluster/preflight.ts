import { access, constants, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { platform } from "node:os";
import { delimiter, join } from "node:path";

/** A condition that the machine doesn't meet, and what the user can do. */
export interface Problem {
  readonly what: string;
  readonly remedy: string;
}

/** Programs that the cluster starts, with the Debian package that has them. */
const programs: Readonly<Record<string, string>> = {
  ip: "iproute2",
  nft: "nftables",
  iptables: "iptables",
  crun: "crun",
  unshare: "util-linux",
  nsenter: "util-linux",
  mount: "mount",
  umount: "mount",
};

/** A cluster with Bookinfo writes less than 100 MB; below this the database would soon fail. */
const minFreeBytes = 256 * 1024 * 1024;

/** Everything that keeps a cluster from starting here; empty when it can. Looks only. */
export async function findProblems(dataRoot: string): Promise<readonly Problem[]> {
  if (platform() !== "linux")
    return [{ what: `this is ${platform()}`, remedy: "weft needs Linux: use a virtual machine, or WSL 2 on Windows" }];
  const problems: Problem[] = [];
  if (process.getuid?.() !== 0)
    problems.push({
      what: "not running as root",
      remedy: "network namespaces, mounts and firewall rules need it: sudo weft up (sudo -E keeps KUBECONFIG)",
    });
  const missing = (
    await Promise.all(Object.keys(programs).map(async (name) => ((await isOnPath(name)) ? [] : [name])))
  ).flat();
  if (missing.length > 0)
    problems.push({
      what: `missing programs: ${missing.join(", ")}`,
      remedy: `apt-get install ${[...new Set(missing.map((name) => programs[name]))].join(" ")}`,
    });
  const free = await freeBytes(dataRoot);
  if (free !== undefined && free < minFreeBytes)
    problems.push({
      what: `only ${Math.floor(free / 1024 / 1024)} MB free for ${dataRoot}`,
      remedy: `free at least ${minFreeBytes / 1024 / 1024} MB, for example with "weft down --all"`,
    });
  return problems;
}

/** Space that is left on the file system of a folder that may not exist yet. */
async function freeBytes(folder: string): Promise<number | undefined> {
  for (let path = folder; ; path = join(path, "..")) {
    try {
      const stat = await statfs(path);
      return stat.bavail * stat.bsize;
    } catch {
      if (path === "/") return undefined;
    }
  }
}

async function isOnPath(program: string): Promise<boolean> {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin", "/bin"];
  for (const folder of folders)
    if (
      await access(join(folder, program), constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return true;
  return false;
}

/** The first port from `wanted` on that nothing listens on, on loopback; throws after `tries`. */
export async function freePort(wanted: number, taken: ReadonlySet<number>, tries = 50): Promise<number> {
  for (let port = wanted; port < wanted + tries; port++) if (!taken.has(port) && (await canListen(port))) return port;
  throw new Error(`ports ${wanted} to ${wanted + tries - 1} are all taken on 127.0.0.1`);
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
