import { readFile } from "node:fs/promises";
import { arch, cpus, release, totalmem } from "node:os";
import type { Node } from "kubernetes-types/core/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import type { KubeObject } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";

export interface NodeOptions {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly nodeAddress: string;
  /** `v1.32.…`. */
  readonly kubeletVersion: string;
  readonly log: Log;
}

/** Kubernetes gives up on a node after 40 s without a sign of life; ours shares its process with who would. */
const leasePeriod = 30_000;
const maxPods = "250";

/** Puts the machine's Node object into the API and renews its lease until `signal` aborts. */
export async function registerNode(options: NodeOptions, signal: AbortSignal): Promise<void> {
  const { client, nodeName, log } = options;
  const node = await nodeObject(options);
  try {
    await client.create(resourceTypes.nodes, node);
  } catch (error) {
    if (!isKubeError(error, "AlreadyExists")) throw error;
    const patch = { metadata: { labels: node.metadata?.labels } };
    await client.patch(resourceTypes.nodes, { name: nodeName, patch, as: "merge" });
  }
  await client.patch(resourceTypes.nodes, {
    name: nodeName,
    subresource: "status",
    patch: { status: node.status },
    as: "merge",
  });
  const beat = (): void => {
    renewLease(client, nodeName).catch((error: unknown) => log.debug("the node's lease wasn't renewed", { error }));
  };
  beat();
  const timer = setInterval(beat, leasePeriod);
  timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

async function renewLease(client: KubeClient, nodeName: string): Promise<void> {
  const spec = {
    holderIdentity: nodeName,
    leaseDurationSeconds: 40,
    renewTime: new Date().toISOString().replace("Z", "000Z"),
  };
  const ref = { namespace: "kube-node-lease", name: nodeName };
  try {
    await client.patch(resourceTypes.leases, { ...ref, patch: { spec }, as: "merge" });
  } catch (error) {
    if (!isKubeError(error, "NotFound")) throw error;
    await client.create(resourceTypes.leases, { metadata: ref, spec } as KubeObject);
  }
}

async function nodeObject({ nodeName, nodeAddress, kubeletVersion }: NodeOptions): Promise<Node> {
  const architecture = arch() === "x64" ? "amd64" : arch();
  const identity = (path: string): Promise<string> =>
    readFile(path, "utf8").then(
      (text) => text.trim(),
      () => "",
    );
  const [machineID, bootID, osRelease] = await Promise.all([
    identity("/etc/machine-id"),
    identity("/proc/sys/kernel/random/boot_id"),
    identity("/etc/os-release"),
  ]);
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const capacity = {
    cpu: String(cpus().length),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    "ephemeral-storage": "10Gi",
    pods: maxPods,
  };
  const condition = (type: string, status: string, reason: string, message: string): object => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  });
  return {
    metadata: {
      name: nodeName,
      labels: {
        "kubernetes.io/hostname": nodeName,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": architecture,
        "node-role.kubernetes.io/control-plane": "",
      },
    },
    spec: {},
    status: {
      addresses: [
        { type: "InternalIP", address: nodeAddress },
        { type: "Hostname", address: nodeName },
      ],
      capacity,
      allocatable: capacity,
      conditions: [
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "there is enough memory"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "there is enough space on the disk"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "there are enough process ids"),
        condition("Ready", "True", "KubeletReady", "weft is running this node's pods"),
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
      nodeInfo: {
        architecture,
        bootID,
        machineID,
        systemUUID: machineID,
        operatingSystem: "linux",
        kernelVersion: release(),
        osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(osRelease)?.[1] ?? "Linux",
        containerRuntimeVersion: "weft://0.1.0",
        kubeletVersion,
        kubeProxyVersion: kubeletVersion,
      },
    },
  } as Node;
}
