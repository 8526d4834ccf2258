import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { runProgram } from "./program.ts";

/** The root filesystem of one run of one container. */
export interface Rootfs {
  readonly path: string;
  /** Unmounts it and throws away what the container wrote. */
  remove(): Promise<void>;
}

export interface RootfsOptions {
  /** Layers above the host's root, the upper first (`createMask`). */
  readonly mask: readonly string[];
  /** On the disk: takes what the container writes. */
  readonly upperDirectory: string;
  /** Where the overlay is mounted. */
  readonly mountPoint: string;
}

/** Mounts the host's root filesystem, masked, under a writable layer of the container's own. */
export async function mountRootfs(options: RootfsOptions): Promise<Rootfs> {
  const { upperDirectory, mountPoint } = options;
  const upper = join(upperDirectory, "upper");
  const work = join(upperDirectory, "work");
  await rm(upperDirectory, { recursive: true, force: true });
  await Promise.all([
    mkdir(upper, { recursive: true }),
    mkdir(work, { recursive: true }),
    mkdir(mountPoint, { recursive: true }),
  ]);
  const layers = [...options.mask, "/"].map(escapeLayer).join(":");
  const mountOptions = `lowerdir=${layers},upperdir=${escapeLayer(upper)},workdir=${escapeLayer(work)}`;
  await runProgram("mount", ["-t", "overlay", "-o", mountOptions, "overlay", mountPoint]);
  return {
    path: mountPoint,
    async remove() {
      await runProgram("umount", ["-l", mountPoint]);
      await rm(upperDirectory, { recursive: true, force: true });
    },
  };
}

/** Colons and commas separate layers and options (mount(8)). */
function escapeLayer(path: string): string {
  return path.replace(/[\\:,]/g, "\\$&");
}
