import type { Container, Pod } from "kubernetes-types/core/v1.d.ts";
import { capabilitiesOf } from "./capabilities.ts";
import type { HostLimits } from "./host-limits.ts";
import type { Identity } from "./identity.ts";
import type { OciMount, OciProcess, OciSpec } from "./oci-spec.ts";
import { oomScoreAdjust, resourcesOf } from "./resources.ts";
import type { Image } from "./seams.ts";

export interface ContainerSpecInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly image: Image;
  readonly identity: Identity;
  /** `NAME=value`, complete. */
  readonly env: readonly string[];
  /** The program's arguments after `$(VAR)` was expanded. */
  readonly args: readonly string[];
  readonly rootfs: string;
  readonly hostname: string;
  /** Undefined: a network namespace of its own, with nothing in it. */
  readonly netns: string | undefined;
  readonly cgroup: string;
  /** Volumes, /etc files, Weft's own code. */
  readonly binds: readonly OciMount[];
  /** Bytes of the machine. */
  readonly memoryCapacity: number;
  readonly limits: HostLimits;
}

const maskedPaths: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const readonlyPaths: readonly string[] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** Everything that crun needs to know, from what the pod says (PURE). */
export function containerSpec(input: ContainerSpecInput): OciSpec {
  const { pod, container } = input;
  const isPrivileged = container.securityContext?.privileged === true;
  return {
    ociVersion: "1.0.0",
    process: processOf(input),
    root: { path: input.rootfs, readonly: container.securityContext?.readOnlyRootFilesystem === true },
    hostname: input.hostname,
    mounts: [...systemMounts(isPrivileged), ...input.binds],
    linux: {
      namespaces: [
        { type: "mount" },
        { type: "uts" },
        input.netns === undefined ? { type: "network" } : { type: "network", path: input.netns },
        ...(pod.spec?.hostPID ? [] : [{ type: "pid" }]),
        ...(pod.spec?.hostIPC ? [] : [{ type: "ipc" }]),
      ],
      sysctl: Object.fromEntries((pod.spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
      cgroupsPath: input.cgroup,
      resources: resourcesOf(container),
      maskedPaths: isPrivileged ? [] : maskedPaths,
      readonlyPaths: isPrivileged ? [] : readonlyPaths,
    },
  };
}

function processOf(input: ContainerSpecInput): OciProcess {
  const { pod, container, identity } = input;
  const context = container.securityContext ?? {};
  return {
    terminal: container.tty === true,
    user: { uid: identity.uid, gid: identity.gid, additionalGids: identity.additionalGids },
    args: input.args,
    env: input.env,
    cwd: container.workingDir ?? input.image.workingDir,
    capabilities: capabilitiesOf(context, input.limits.capabilities),
    rlimits: [{ type: "RLIMIT_NOFILE", hard: input.limits.openFiles, soft: input.limits.openFiles }],
    noNewPrivileges: context.allowPrivilegeEscalation === false && context.privileged !== true,
    oomScoreAdj: Math.max(input.limits.oomScore, oomScoreAdjust(pod, container, input.memoryCapacity)),
  };
}

function systemMounts(isPrivileged: boolean): readonly OciMount[] {
  const noDevices = ["nosuid", "noexec", "nodev"];
  const access = isPrivileged ? "rw" : "ro";
  return [
    { destination: "/proc", type: "proc", source: "proc", options: noDevices },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "strictatime", "mode=755", "size=64m"] },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: noDevices },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: [...noDevices, access] },
    // Node and others size themselves by the limits they find here.
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: [...noDevices, "relatime", access] },
  ];
}
