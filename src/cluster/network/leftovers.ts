import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command.ts";
import { closeHostFirewall } from "./host-firewall.ts";
import { tableName } from "./service-table.ts";

/** Removes every link and rule of a cluster, whoever made them. Safe when there is nothing. */
export async function removeNetworkLeftovers(cluster: {
  name: string;
  index: number | undefined;
  runDir: string;
}): Promise<void> {
  const links = JSON.parse((await run("ip", ["-json", "link", "show"])) || "[]") as { ifname: string }[];
  const ours =
    cluster.index === undefined
      ? []
      : links.map(({ ifname }) => ifname).filter((name) => name.startsWith(`wf${cluster.index}-`));
  if (ours.length > 0)
    await run("ip", ["-force", "-batch", "-"], { input: ours.map((name) => `link del ${name}\n`).join("") }).catch(
      () => {},
    );
  // `delete` of a table that isn't there fails, `add` of one that is doesn't.
  const table = tableName(cluster.name);
  await run("nft", ["-f", "-"], { input: `add table ip ${table}\ndelete table ip ${table}\n` });
  await closeHostFirewall(cluster.name);
  const netns = join(cluster.runDir, "netns");
  // Only where this process shares the daemon's mounts.
  const mounted = (await readFile("/proc/self/mountinfo", "utf8"))
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point.startsWith(`${netns}/`));
  if (mounted.length > 0) await run("umount", ["-l", ...mounted]);
  await rm(netns, { recursive: true, force: true });
}
