import { run } from "./command.ts";
import { enableUplinkForwarding } from "./forwarding.ts";
import type { ClusterRanges } from "./ranges.ts";

/**
 * The cluster's bridge: it has no ports and carries the node's address and the routes of the service and
 * LoadBalancer ranges. The latter are local, so every address of the pool answers from the start; the former only
 * keep a host without a default route from refusing to send before the address is translated. The route of the pod range is
 * for addresses that no pod has (any more): what is sent there must fail soon, not leave by the host's default route.
 */
export async function createNodeLink(ranges: ClusterRanges): Promise<void> {
  const { bridge, nodeIp, pods, services, loadBalancers } = ranges;
  await run("ip", ["-batch", "-"], {
    input: [
      `link add ${bridge} type bridge`,
      `addr add ${nodeIp}/32 dev ${bridge}`,
      `link set ${bridge} up`,
      `route add ${services.text} dev ${bridge} src ${nodeIp}`,
      `route add ${pods.text} dev ${bridge} src ${nodeIp}`,
      `route add local ${loadBalancers.text} dev ${bridge} src ${nodeIp}`,
      "",
    ].join("\n"),
  });
}

/** Every few seconds, as a laptop's uplink changes. Returns what stops it. */
export function keepUplinksForwarding(recordDir: string, onError: (error: unknown) => void): () => void {
  const look = () => void enableUplinkForwarding(recordDir).catch(onError);
  look();
  const timer = setInterval(look, 10_000);
  timer.unref();
  return () => clearInterval(timer);
}
