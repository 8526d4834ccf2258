import { chmod, link, mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runProgram } from "./program.ts";

/** Top-level entries of the host that containers see; everything else there is hidden. */
const visibleRoots: ReadonlySet<string> = new Set([
  "bin",
  "sbin",
  "lib",
  "lib32",
  "lib64",
  "libx32",
  "usr",
  "etc",
  "var",
  // Mounts of their own on the host, so these are empty directories underneath.
  "dev",
  "proc",
  "sys",
]);

/** Directories that containers have, empty: path → mode. The host's own content of them is hidden. */
const emptyDirectories: Readonly<Record<string, number>> = {
  home: 0o755,
  media: 0o755,
  mnt: 0o755,
  opt: 0o755,
  root: 0o700,
  run: 0o755,
  srv: 0o755,
  tmp: 0o1777,
  "var/cache": 0o755,
  "var/lib/apt": 0o755,
  "var/log": 0o755,
  "var/spool": 0o755,
  "var/tmp": 0o1777,
};

/** The host's secrets and what only makes sense on the host. */
const hidden: readonly string[] = [
  "etc/shadow",
  "etc/shadow-",
  "etc/gshadow",
  "etc/gshadow-",
  "etc/sudoers",
  "etc/sudoers.d",
  "etc/ssh",
  "etc/ssl/private",
  "etc/kubernetes",
  "etc/docker",
  "etc/machine-id",
  "etc/krb5.keytab",
  "etc/wireguard",
  "var/backups",
  "var/mail",
  "var/lib/weft",
  "var/lib/docker",
  "var/lib/containerd",
  "var/lib/kubelet",
  "var/lib/postgresql",
  "var/lib/mysql",
  "var/lib/private",
  "var/lib/cloud",
  "var/crash",
];

export interface MaskOptions {
  /** A directory on a tmpfs: overlayfs refuses lower layers that lie inside one another. */
  readonly directory: string;
  /** Files and directories that will be bound into containers: absolute path → what it is. */
  readonly mountPoints: ReadonlyMap<string, "file" | "directory">;
}

/**
 * Makes the layers that go above the host's root filesystem in every container and returns them, the upper first.
 * The lower of the two only has whiteouts (a character device 0:0, as the kernel's overlayfs documentation says), the
 * upper one the empty directories that stand in their place, so no extended attribute is needed.
 */
export async function createMask(options: MaskOptions): Promise<readonly string[]> {
  const content = join(options.directory, "content");
  const whiteouts = join(options.directory, "whiteouts");
  await Promise.all([mkdir(content, { recursive: true }), mkdir(whiteouts, { recursive: true })]);

  for (const [path, mode] of Object.entries(emptyDirectories)) {
    await mkdir(join(content, path), { recursive: true });
    await chmod(join(content, path), mode);
  }
  for (const [path, type] of options.mountPoints) {
    const place = join(content, path);
    await mkdir(type === "directory" ? place : dirname(place), { recursive: true });
    if (type === "file") await writeFile(place, "");
  }

  const foreign = (await readdir("/")).filter((entry) => !visibleRoots.has(entry) && !(entry in emptyDirectories));
  const covered = [...foreign, ...hidden, ...Object.keys(emptyDirectories)];
  for (const path of covered) await mkdir(dirname(join(whiteouts, path)), { recursive: true });
  // One device, many names: Node can't make devices, but it can link them.
  const whiteout = join(options.directory, "whiteout");
  await runProgram("mknod", [whiteout, "c", "0", "0"]);
  await Promise.all(covered.map((path) => link(whiteout, join(whiteouts, path))));
  return [content, whiteouts];
}
