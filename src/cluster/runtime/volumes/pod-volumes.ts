import { join } from "node:path";
import type { ConfigMap, Pod, Secret, Volume } from "kubernetes-types/core/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import type { ResourceType } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { DownwardFacts } from "../downward.ts";
import type { Layout } from "../layout.ts";
import { type AtomicDirectory, createAtomicDirectory } from "./atomic-writer.ts";
import { makeClaimDirectory, makeEmptyDir, useHostPath } from "./directories.ts";
import { VolumeError } from "./payload.ts";
import { isProjection, projectVolume } from "./projection.ts";
import { createTokenSource } from "./token-source.ts";

/** The volumes of one pod. */
export interface PodVolumes {
  /** Makes what isn't made yet: volume name → path on the host. Rejects with {@link VolumeError}; calling again goes on. */
  prepare(): Promise<ReadonlyMap<string, string>>;
  /** Brings projected files up to date with the API and with the pod as it is now. */
  refresh(pod: Pod): Promise<void>;
  /** When a token has to be renewed (ms since the epoch). */
  nextRefresh(): number | undefined;
  /** True when a volume shows this object: `configmaps/NAME` or `secrets/NAME` of the pod's namespace. */
  uses(object: string): boolean;
}

export interface PodVolumesOptions {
  readonly client: KubeClient;
  readonly layout: Layout;
  readonly pod: Pod;
  readonly facts: () => DownwardFacts;
}

const claims: ResourceType = {
  group: "",
  version: "v1",
  plural: "persistentvolumeclaims",
  kind: "PersistentVolumeClaim",
  namespaced: true,
};

export function createPodVolumes(options: PodVolumesOptions): PodVolumes {
  const { client, layout } = options;
  let { pod } = options;
  const { namespace = "default", name = "", uid = "" } = pod.metadata ?? {};
  const volumes = pod.spec?.volumes ?? [];
  const paths = new Map<string, string>();
  const directories = new Map<string, AtomicDirectory>();
  const tokens = createTokenSource(client, { namespace, name, uid });
  const used = new Set<string>();

  async function project(volume: Volume): Promise<string> {
    const directory =
      directories.get(volume.name) ??
      createAtomicDirectory(join(layout.podRun(uid), "volumes", volume.name), pod.spec?.securityContext?.fsGroup);
    directories.set(volume.name, directory);
    const payload = await projectVolume(volume, {
      pod,
      facts: options.facts(),
      tokens,
      configMap(configMapName) {
        used.add(`configmaps/${configMapName}`);
        return client.find<ConfigMap>(resourceTypes.configMaps, { namespace, name: configMapName });
      },
      secret(secretName) {
        used.add(`secrets/${secretName}`);
        return client.find<Secret>(resourceTypes.secrets, { namespace, name: secretName });
      },
    });
    await directory.write(payload);
    return directory.path;
  }

  async function make(volume: Volume): Promise<string> {
    if (isProjection(volume)) return project(volume);
    if (volume.hostPath) return useHostPath(volume.hostPath);
    if (volume.persistentVolumeClaim) {
      const { claimName } = volume.persistentVolumeClaim;
      if (!(await client.find(claims, { namespace, name: claimName })))
        throw new VolumeError(`persistentvolumeclaim "${claimName}" not found`);
      return makeClaimDirectory(namespace, claimName, pod, layout);
    }
    const kinds = Object.keys(volume).filter((key) => key !== "name");
    // A volume without a source is an emptyDir, as the API server's defaults say.
    if (volume.emptyDir || kinds.length === 0) return makeEmptyDir(volume, pod, layout);
    throw new VolumeError(`volumes of kind ${kinds.join(", ")} aren't supported by weft`);
  }

  return {
    async prepare() {
      const missing = volumes.filter((volume) => !paths.has(volume.name));
      const results = await Promise.allSettled(
        missing.map(async (volume) => [volume.name, await make(volume)] as const),
      );
      for (const result of results) if (result.status === "fulfilled") paths.set(...result.value);
      const failed = results.findIndex((result) => result.status === "rejected");
      const failure = results[failed];
      if (failure?.status === "rejected") {
        const why = failure.reason instanceof Error ? failure.reason.message : String(failure.reason);
        throw new VolumeError(`MountVolume.SetUp failed for volume "${missing[failed]?.name ?? ""}": ${why}`, {
          cause: failure.reason,
        });
      }
      return paths;
    },
    async refresh(latest) {
      pod = latest;
      for (const volume of volumes) if (isProjection(volume) && paths.has(volume.name)) await project(volume);
    },
    nextRefresh: () => tokens.nextRefresh(),
    uses: (object) => used.has(object),
  };
}
