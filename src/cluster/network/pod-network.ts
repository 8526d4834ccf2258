import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "#log/log.ts";
import type { PodAttachment, PodNetwork, PodNetworkRequest } from "../runtime/seams.ts";
import { createAddressPool } from "./address-pool.ts";
import { run } from "./command.ts";
import { enableForwarding } from "./forwarding.ts";
import { type ClusterRanges, ipToNumber } from "./ranges.ts";

/** Next hop of every pod. It exists nowhere: the pod's neighbour table says which link address it has. */
const gateway = "169.254.1.1";
const gatewayLink = "ee:ee:ee:ee:ee:ee";

export interface PodNetworkOptions {
  readonly ranges: ClusterRanges;
  /** Namespace files are made in `<runDir>/netns`; must lie in a private mount namespace. */
  readonly runDir: string;
  readonly log: Log;
}

/**
 * Pods are routed, not bridged: each has a veth pair, a /32 and a route on the host. All traffic between pods passes
 * the host's IP layer, where services are translated, whatever `bridge-nf-call-iptables` says; there is no ARP and no
 * flooding, and nothing global changes: only the pod's own host side forwards. Neighbour entries are fixed on
 * both sides.
 */
export function createPodNetwork({ ranges, runDir, log }: PodNetworkOptions): PodNetwork {
  const pool = createAddressPool(ranges.pods);
  const attached = new Map<string, { ip: string; ready: Promise<PodAttachment> }>();
  const netnsDir = join(runDir, "netns");

  async function build(uid: string, ip: string): Promise<PodAttachment> {
    const netns = join(netnsDir, uid);
    const link = linkName(ranges.index, uid);
    const address = linkAddress(ip);
    await mkdir(netnsDir, { recursive: true });
    await writeFile(netns, "");
    // `unshare` binds the new namespace to the file, then runs `ip` inside; the pair's other end goes to our namespace.
    await run("unshare", [`--net=${netns}`, "ip", "-batch", "-"], {
      input: [
        "link set lo up",
        `link add eth0 address ${address} type veth peer name ${link} netns ${process.pid}`,
        `addr add ${ip}/32 dev eth0`,
        "link set eth0 up",
        `route add ${gateway} dev eth0 scope link`,
        `neigh add ${gateway} lladdr ${gatewayLink} dev eth0 nud permanent`,
        `route add default via ${gateway} dev eth0`,
        "",
      ].join("\n"),
    });
    await enableForwarding(link);
    await run("ip", ["-batch", "-"], {
      input: [
        `link set ${link} address ${gatewayLink} up`,
        `route add ${ip}/32 dev ${link} src ${ranges.nodeIp}`,
        `neigh replace ${ip} lladdr ${address} dev ${link} nud permanent`,
        "",
      ].join("\n"),
    });
    return { netns, ip };
  }

  async function tearDown(uid: string): Promise<void> {
    const netns = join(netnsDir, uid);
    await run("ip", ["link", "del", linkName(ranges.index, uid)]).catch(() => {});
    await run("umount", ["-l", netns]).catch(() => {});
    await rm(netns, { force: true });
  }

  async function buildCleanly(pod: PodNetworkRequest, ip: string): Promise<PodAttachment> {
    try {
      return await build(pod.uid, ip);
    } catch (error) {
      // What a daemon that was killed in between left under this uid.
      log.warn("building the pod's network again", { pod: `${pod.namespace}/${pod.name}`, error });
      await tearDown(pod.uid);
      return build(pod.uid, ip);
    }
  }

  return {
    attach(pod) {
      if (pod.hostNetwork) return Promise.resolve({ netns: "/proc/self/ns/net", ip: ranges.nodeIp });
      const known = attached.get(pod.uid);
      if (known) return known.ready;
      const ip = pool.take();
      const ready = buildCleanly(pod, ip);
      attached.set(pod.uid, { ip, ready });
      ready.catch(async () => {
        attached.delete(pod.uid);
        await tearDown(pod.uid).catch(() => {});
        pool.giveBack(ip);
      });
      return ready;
    },
    async detach(uid) {
      const known = attached.get(uid);
      if (!known) return;
      await known.ready.catch(() => {});
      attached.delete(uid);
      await tearDown(uid);
      pool.giveBack(known.ip);
    },
  };
}

/** At most 15 characters (IFNAMSIZ), and the cluster's by its prefix. */
function linkName(index: number, uid: string): string {
  return `wf${index}-${createHash("sha1").update(uid).digest("hex").slice(0, 10)}`;
}

/** A locally administered MAC address that no other pod has, as it is made of the IP address. */
function linkAddress(ip: string): string {
  const hex = ipToNumber(ip).toString(16).padStart(8, "0");
  return `0a:58:${hex.match(/../g)?.join(":")}`;
}
