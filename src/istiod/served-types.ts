import type { KubeClient } from "#kube/client.ts";
import { startInformer } from "#kube/informer.ts";
import type { KubeObject, ResourceType } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";

type CustomResourceDefinition = KubeObject & {
  readonly spec?: { readonly versions?: readonly { readonly name: string; readonly served?: boolean }[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
};

interface Follower {
  readonly onChange: (key: string, after: KubeObject | undefined) => void;
  /** The type is there now. */
  readonly onServed?: () => void;
}

/** Custom resources, which can only be read as long as their definition is there. */
export interface ServedTypes {
  /** Follows the objects of a type whenever it is served; when it goes, so do its objects. To be called before {@link synced} is read. */
  follow(type: ResourceType, follower: Follower): void;
  /** Resolves when the objects of all types that are served now were read once. */
  readonly synced: Promise<void>;
}

export interface ServedTypesOptions {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly log: Log;
}

export function followServedTypes({ client, signal, log }: ServedTypesOptions): ServedTypes {
  const definitions = startInformer<CustomResourceDefinition>(client, resourceTypes.customResourceDefinitions, {
    signal,
    log,
  });
  const firstLists: Promise<void>[] = [];

  return {
    follow(type, { onChange, onServed }) {
      const known = new Set<string>();
      let following: AbortController | undefined;
      definitions.onChange(({ key, after }) => {
        if (key !== `${type.plural}.${type.group}`) return;
        const isServed = after?.status?.conditions?.some((one) => one.type === "Established" && one.status === "True");
        if (after && isServed && !following) {
          following = new AbortController();
          const until = AbortSignal.any([signal, following.signal]);
          const informer = startInformer<KubeObject>(client, servedVersion(type, after), { signal: until, log });
          informer.onChange((change) => {
            if (until.aborted) return;
            if (change.after) known.add(change.key);
            else known.delete(change.key);
            onChange(change.key, change.after);
          });
          firstLists.push(informer.synced);
          onServed?.();
        } else if (!after && following) {
          following.abort();
          following = undefined;
          for (const gone of known) onChange(gone, undefined);
          known.clear();
        }
      });
    },
    get synced() {
      return definitions.synced.then(() => Promise.all(firstLists)).then(() => {});
    },
  };
}

/** The type in the version that is wanted, or in the first that an older or newer definition serves. */
function servedVersion(type: ResourceType, { spec }: CustomResourceDefinition): ResourceType {
  const served = (spec?.versions ?? []).filter((version) => version.served ?? true).map(({ name }) => name);
  return served.includes(type.version) ? type : { ...type, version: served[0] ?? type.version };
}
