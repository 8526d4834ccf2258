import { mkdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Container, VolumeMount } from "kubernetes-types/core/v1.d.ts";
import { ContainerConfigError } from "../container-env.ts";
import { type Environment, expand } from "../env.ts";
import type { OciMount } from "../oci-spec.ts";
import type { Image } from "../seams.ts";

export function bind(source: string, destination: string, isReadOnly: boolean): OciMount {
  return { source, destination, type: "bind", options: ["rbind", "rprivate", isReadOnly ? "ro" : "rw"] };
}

const propagation: Readonly<Record<string, string>> = {
  None: "rprivate",
  HostToContainer: "rslave",
  Bidirectional: "rshared",
};

/** Volumes that the container can only read, whatever the mount says. */
export type ReadOnlyVolumes = ReadonlySet<string>;

/** The container's volume mounts. Rejects with {@link ContainerConfigError} when one names what isn't there. */
export async function volumeBinds(
  mounts: readonly VolumeMount[],
  volumes: ReadonlyMap<string, string>,
  readOnly: ReadOnlyVolumes,
  env: Environment,
): Promise<readonly OciMount[]> {
  const binds: OciMount[] = [];
  for (const mount of mounts) {
    const path = volumes.get(mount.name);
    if (path === undefined)
      throw new ContainerConfigError(`volumeMounts: the pod has no volume "${mount.name}" (for ${mount.mountPath})`);
    const subPath = mount.subPathExpr === undefined ? mount.subPath : expand(mount.subPathExpr, env);
    const isReadOnly = mount.readOnly === true || readOnly.has(mount.name);
    binds.push({
      source: subPath ? await resolveSubPath(path, subPath) : path,
      destination: mount.mountPath,
      type: "bind",
      options: ["rbind", propagation[mount.mountPropagation ?? "None"] ?? "rprivate", isReadOnly ? "ro" : "rw"],
    });
  }
  return binds;
}

/** A path inside a volume; made as a directory when it isn't there. A link that leads out of the volume is refused. */
async function resolveSubPath(volume: string, subPath: string): Promise<string> {
  const path = join(volume, subPath);
  if (subPath.startsWith("/") || subPath.split("/").includes(".."))
    throw new ContainerConfigError(`volumeMounts: subPath "${subPath}" must be relative and must not contain ".."`);
  if (!(await stat(path).catch(() => undefined))) await mkdir(path, { recursive: true });
  const [real, root] = await Promise.all([realpath(path), realpath(volume)]);
  if (real !== root && !real.startsWith(`${root}/`))
    throw new ContainerConfigError(`volumeMounts: subPath "${subPath}" leads out of its volume`);
  return real;
}

export function imageBinds(image: Image): readonly OciMount[] {
  return Object.entries(image.binds ?? {}).map(([destination, source]) => bind(source, destination, true));
}

/** Files that every container of a pod shares, unless the container mounts something of its own there. */
export function etcBinds(directory: string, container: Container): readonly OciMount[] {
  const taken = new Set((container.volumeMounts ?? []).map(({ mountPath }) => mountPath));
  const isReadOnly = container.securityContext?.readOnlyRootFilesystem === true;
  return ["hosts", "hostname", "resolv.conf"]
    .filter((name) => !taken.has(`/etc/${name}`))
    .map((name) => bind(join(directory, name), `/etc/${name}`, isReadOnly));
}
