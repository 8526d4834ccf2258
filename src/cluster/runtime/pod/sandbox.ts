import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Pod } from "kubernetes-types/core/v1.d.ts";
import { podCgroup, removeCgroup } from "../cgroup.ts";
import type { RuntimeContext } from "../context.ts";
import type { DownwardFacts } from "../downward.ts";
import { hostnameOf, hostsFile, resolvConf } from "../etc-files.ts";
import { podNameOf } from "../layout.ts";
import { unmountBelow } from "../mounts.ts";
import { createPodVolumes, type PodVolumes } from "../volumes/pod-volumes.ts";
import { isProjection } from "../volumes/projection.ts";

/** What a pod's containers share. */
export interface Sandbox {
  readonly netns: string;
  readonly facts: DownwardFacts;
  /** Directory of `hosts`, `hostname` and `resolv.conf`. */
  readonly etc: string;
  readonly sharedMemory: string;
  /** Volume name → path on the host. */
  readonly volumes: ReadonlyMap<string, string>;
  readonly readOnlyVolumes: ReadonlySet<string>;
  readonly podVolumes: PodVolumes;
}

/** The network couldn't be set up; anything else that goes wrong is a `VolumeError`. */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
}

/** Makes a pod's sandbox; after a failure `make` may be called again and goes on where it was. */
export interface SandboxBuilder {
  /** Rejects with {@link SandboxError} or `VolumeError`. */
  make(): Promise<Sandbox>;
}

export function createSandboxBuilder(context: RuntimeContext, pod: Pod): SandboxBuilder {
  const { layout, client } = context;
  const { uid, namespace, name } = podNameOf(pod);
  const directory = layout.podRun(uid);
  const sharedMemory = join(directory, "shm");
  const etc = join(directory, "etc");
  const readOnlyVolumes = new Set((pod.spec?.volumes ?? []).filter(isProjection).map((volume) => volume.name));
  // No volume shows the pod's address: its containers' variables do.
  const podVolumes = createPodVolumes({ client, layout, pod, facts: () => factsOf("") });

  function factsOf(podIp: string): DownwardFacts {
    return { podIp, hostIp: context.nodeAddress, capacity: context.capacity };
  }

  return {
    async make() {
      await Promise.all([mkdir(sharedMemory, { recursive: true }), mkdir(etc, { recursive: true })]);
      await chmod(sharedMemory, 0o1777);
      const hostNetwork = pod.spec?.hostNetwork === true;
      const [volumes, attachment] = await Promise.all([
        podVolumes.prepare(),
        context.network.attach({ uid, namespace, name, hostNetwork }).catch((cause: unknown) => {
          const why = cause instanceof Error ? cause.message : String(cause);
          throw new SandboxError(`Failed to create pod sandbox: the pod's network: ${why}`, { cause });
        }),
      ]);
      const hostname = hostnameOf(pod, context.nodeName);
      await Promise.all([
        writeFile(join(etc, "hosts"), hostsFile(pod, attachment.ip, hostname, context.dns.clusterDomain)),
        writeFile(join(etc, "hostname"), `${hostname}\n`),
        writeFile(join(etc, "resolv.conf"), resolvConf(pod, context.dns)),
      ]);
      return {
        netns: attachment.netns,
        facts: factsOf(attachment.ip),
        etc,
        sharedMemory,
        volumes,
        readOnlyVolumes,
        podVolumes,
      };
    },
  };
}

/** Takes away everything of a pod that isn't its logs. */
export async function removeSandbox(context: RuntimeContext, uid: string): Promise<void> {
  const { layout } = context;
  await context.network.detach(uid);
  await unmountBelow(layout.podRun(uid));
  await removeCgroup(podCgroup(context.clusterName, uid));
  await Promise.all([
    rm(layout.podRun(uid), { recursive: true, force: true }),
    rm(layout.pod(uid), { recursive: true, force: true }),
  ]);
}
