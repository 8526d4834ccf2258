import type { ControllerRevision } from "kubernetes-types/apps/v1.d.ts";
import type { PodTemplateSpec } from "kubernetes-types/core/v1.d.ts";
import type { LabelSelector } from "kubernetes-types/meta/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import { type KubeObject, objectKey, type ResourceType } from "#kube/object.ts";
import { claim } from "./claim.ts";
import type { Cache, ClusterState } from "./cluster-state.ts";
import { controllerReference, isControlledBy } from "./owners.ts";
import { templateHash, templateKey } from "./pod-template.ts";

const revisionType: ResourceType = {
  group: "apps",
  version: "v1",
  plural: "controllerrevisions",
  kind: "ControllerRevision",
  namespaced: true,
};

/** The templates that a StatefulSet or DaemonSet has had; `kubectl rollout history` and `undo` read them. */
export interface Revisions {
  /** Filled before the first use. */
  readonly synced: Promise<void>;
  /** The revision of the owner's present template, made or raised to the top when it has to be, and all of its revisions. */
  ensure(owner: Owner): Promise<{ readonly update: ControllerRevision; readonly all: readonly ControllerRevision[] }>;
  /** Deletes the oldest ones that aren't `inUse` beyond the owner's limit. */
  trim(owner: Owner, inUse: ReadonlySet<string>): Promise<void>;
}

interface Owner extends KubeObject {
  readonly spec?: {
    readonly selector: LabelSelector;
    readonly template: PodTemplateSpec;
    readonly revisionHistoryLimit?: number;
  };
}

export function createRevisions(client: KubeClient, state: ClusterState, ownerType: ResourceType): Revisions {
  const cache = state.of(revisionType) as unknown as Cache<ControllerRevision>;

  // Those that an owner of the same name left behind are taken over, or their names would be in the way.
  const claimFor = (owner: Owner): Promise<ControllerRevision[]> =>
    claim(client, { type: revisionType, cache, owner, ownerType, selector: owner.spec?.selector });

  const revisionsOf = (owner: Owner): ControllerRevision[] =>
    [...cache.values()]
      .filter((revision) => isControlledBy(revision, owner))
      .toSorted((a, b) => a.revision - b.revision);

  async function make(owner: Owner, template: PodTemplateSpec, revision: number): Promise<ControllerRevision> {
    const hash = templateHash(template);
    const name = `${owner.metadata?.name}-${hash}`;
    const namespace = owner.metadata?.namespace ?? "default";
    const object = {
      metadata: {
        name,
        namespace,
        labels: { ...template.metadata?.labels, "controller-revision-hash": hash },
        ownerReferences: [controllerReference(owner, ownerType)],
      },
      // As kubectl expects it: a patch that brings the template back.
      data: { spec: { template: { ...template, $patch: "replace" } } },
      revision,
    };
    const made = await client.create(revisionType, object);
    await cache.until(objectKey(made), (seen) => seen !== undefined);
    return made;
  }

  return {
    synced: cache.synced,
    async ensure(owner) {
      const template = owner.spec?.template ?? {};
      await claimFor(owner);
      const all = revisionsOf(owner);
      const newest = all.at(-1);
      const key = templateKey(template);
      const found = all.find((revision) => templateKey(templateOf(revision)) === key);
      const next = (newest?.revision ?? 0) + 1;
      if (!found) {
        const update = await make(owner, template, next);
        return { update, all: [...all, update] };
      }
      if (found === newest) return { update: found, all };
      const update = await client.update<ControllerRevision>(revisionType, { ...found, revision: next });
      await cache.until(objectKey(found), (seen) => seen?.revision === next);
      return { update, all: [...all.filter((one) => one !== found), update] };
    },
    async trim(owner, inUse) {
      const idle = revisionsOf(owner).filter(({ metadata }) => !inUse.has(metadata?.name ?? ""));
      const surplus = idle.slice(0, Math.max(0, idle.length - (owner.spec?.revisionHistoryLimit ?? 10)));
      for (const { metadata } of surplus) {
        const ref = { namespace: metadata?.namespace ?? "", name: metadata?.name ?? "" };
        await client.delete(revisionType, ref).catch((error: unknown) => {
          if (!isKubeError(error, "NotFound")) throw error;
        });
      }
    },
  };
}

/** The pod template that a revision holds. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const data: { spec?: { template?: PodTemplateSpec & { $patch?: string } } } | undefined = revision.data;
  const { $patch: _, ...template } = data?.spec?.template ?? {};
  return template;
}
