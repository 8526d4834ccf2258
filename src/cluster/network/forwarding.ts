import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

const conf = "/proc/sys/net/ipv4/conf";

/**
 * Answers from outside come in by the machine's uplink and have to be forwarded to a pod, so the uplink's own
 * forwarding switch is turned on. What it was before is kept in `recordDir`, shared by all clusters, until the last
 * one goes; `ip_forward`, which would concern every interface, is never touched.
 */
export async function enableUplinkForwarding(recordDir: string): Promise<void> {
  for (const uplink of await uplinks()) {
    const path = join(conf, uplink, "forwarding");
    const before = (await readFile(path, "utf8")).trim();
    if (before === "1") continue;
    await mkdir(recordDir, { recursive: true });
    // A record that is there already is older, so it is the one to go back to.
    await writeFile(join(recordDir, uplink), before, { flag: "wx" }).catch(ignoreExisting);
    await writeFile(path, "1");
  }
}

/** Puts back what {@link enableUplinkForwarding} changed. */
export async function restoreUplinkForwarding(recordDir: string): Promise<void> {
  const names = await readdir(recordDir).catch(() => []);
  for (const uplink of names) {
    const before = await readFile(join(recordDir, uplink), "utf8");
    // The interface may be gone, and then there is nothing to put back.
    await writeFile(join(conf, uplink, "forwarding"), before).catch(() => {});
  }
  await rm(recordDir, { recursive: true, force: true });
}

/** Turns on the switch of one interface of ours; it goes with the interface. */
export async function enableForwarding(interfaceName: string): Promise<void> {
  await writeFile(join(conf, interfaceName, "forwarding"), "1");
}

/** The interfaces of the machine's default routes. */
async function uplinks(): Promise<ReadonlySet<string>> {
  const table = await readFile("/proc/net/route", "utf8");
  return new Set(
    table
      .split("\n")
      .slice(1)
      .map((line) => line.split("\t"))
      .filter(([, destination, , , , , , mask]) => destination === "00000000" && mask === "00000000")
      .map(([name = ""]) => name),
  );
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
