import type { SecurityContext } from "kubernetes-types/core/v1.d.ts";
import type { OciCapabilities } from "./oci-spec.ts";

/** What a container gets that asks for nothing (containerd: `oci.WithDefaultCapabilities`). */
const defaultCapabilities: readonly string[] = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FSETID",
  "FOWNER",
  "MKNOD",
  "NET_RAW",
  "SETGID",
  "SETUID",
  "SETFCAP",
  "SETPCAP",
  "NET_BIND_SERVICE",
  "SYS_CHROOT",
  "KILL",
  "AUDIT_WRITE",
];

/** Every capability of Linux 6.x in the order of their bits (linux/capability.h). */
const allCapabilities: readonly string[] = [
  ..."CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE".split(" "),
  ..."NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT".split(" "),
  ..."SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE".split(" "),
  ..."AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ".split(" "),
  ..."PERFMON BPF CHECKPOINT_RESTORE".split(" "),
];

/** The names of the capabilities in a mask as /proc/PID/status has it. */
export function capabilityNames(mask: bigint): readonly string[] {
  return allCapabilities.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n);
}

/**
 * The sets for a container's processes. Like containerd it leaves `inheritable` and `ambient` empty, so a process of
 * another user than root has none of them unless its file carries them. What this process may not give (`available`) is left
 * out: the container would not start.
 */
export function capabilitiesOf(context: SecurityContext, available: readonly string[]): OciCapabilities {
  const granted = context.privileged ? allCapabilities : adjust(context.capabilities);
  const names = granted.filter((name) => available.includes(name)).map((name) => `CAP_${name}`);
  return { bounding: names, effective: names, permitted: names, inheritable: [], ambient: [] };
}

/** Drops go before additions where `ALL` is dropped, and after them otherwise (as containerd's CRI does). */
function adjust(change: SecurityContext["capabilities"]): readonly string[] {
  const add = (change?.add ?? []).map(plainName);
  const drop = (change?.drop ?? []).map(plainName);
  let set = new Set(add.includes("ALL") ? allCapabilities : defaultCapabilities);
  if (drop.includes("ALL")) set = new Set();
  for (const name of add) if (name !== "ALL") set.add(name);
  for (const name of drop) set.delete(name);
  return [...set].filter((name) => allCapabilities.includes(name));
}

function plainName(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, "");
}
