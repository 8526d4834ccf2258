import { chmod, chown, mkdir, open, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { HostPathVolumeSource, Pod, Volume } from "kubernetes-types/core/v1.d.ts";
import type { Layout } from "../layout.ts";
import { mountTmpfs } from "../mounts.ts";
import { parseQuantity } from "../quantity.ts";
import { VolumeError } from "./payload.ts";

/** Makes an emptyDir and returns its path on the host. */
export async function makeEmptyDir(volume: Volume, pod: Pod, layout: Layout): Promise<string> {
  const uid = pod.metadata?.uid ?? "";
  const inMemory = volume.emptyDir?.medium === "Memory";
  const path = join(inMemory ? layout.podRun(uid) : layout.pod(uid), "volumes", volume.name);
  await mkdir(path, { recursive: true });
  const size = parseQuantity(volume.emptyDir?.sizeLimit);
  // Without a limit the runtime's own tmpfs does, and saves a mount.
  if (inMemory && size) await mountTmpfs(path, `size=${Math.floor(size)},mode=777`);
  await setGroup(path, 0o777, pod.spec?.securityContext?.fsGroup);
  return path;
}

/** The directory that stands for a claim's volume; it outlives the pod. */
export async function makeClaimDirectory(namespace: string, claim: string, pod: Pod, layout: Layout): Promise<string> {
  const path = join(layout.claims, namespace, claim);
  await mkdir(path, { recursive: true });
  await setGroup(path, 0o777, pod.spec?.securityContext?.fsGroup);
  return path;
}

async function setGroup(path: string, mode: number, fsGroup: number | undefined): Promise<void> {
  if (fsGroup !== undefined) await chown(path, 0, fsGroup);
  await chmod(path, fsGroup === undefined ? mode : mode | 0o2000);
}

/** Checks a hostPath by its type, makes it where the type says so, and returns it. */
export async function useHostPath(source: HostPathVolumeSource): Promise<string> {
  const { path, type = "" } = source;
  if (type === "DirectoryOrCreate") await mkdir(path, { recursive: true });
  if (type === "FileOrCreate") {
    await mkdir(dirname(path), { recursive: true });
    await (await open(path, "a")).close();
  }
  const found = await stat(path).catch(() => undefined);
  if (type === "" && found === undefined) {
    await mkdir(path, { recursive: true });
    return path;
  }
  const fits: Readonly<Record<string, boolean | undefined>> = {
    "": true,
    DirectoryOrCreate: found?.isDirectory(),
    Directory: found?.isDirectory(),
    FileOrCreate: found?.isFile(),
    File: found?.isFile(),
    Socket: found?.isSocket(),
    CharDevice: found?.isCharacterDevice(),
    BlockDevice: found?.isBlockDevice(),
  };
  if (!fits[type]) throw new VolumeError(`hostPath type check failed: ${path} is not a ${type}`);
  return path;
}
