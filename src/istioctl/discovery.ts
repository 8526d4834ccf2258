import type { KubeClient } from "#kube/client.ts";
import type { KubeObject, ResourceType } from "#kube/object.ts";
import { UsageError } from "./usage-error.ts";

/** Finds out from the API server how a kind is reached; remembers what it learned. */
export interface Discovery {
  /** Throws {@link UsageError} when the server doesn't know the kind. */
  resourceTypeOf(object: KubeObject): Promise<ResourceType>;
  /** Every kind of a group version that can be listed; empty when the server doesn't serve it. */
  resourceTypesIn(groupVersion: string): Promise<readonly ResourceType[]>;
}

interface ResourceList {
  readonly resources?: readonly { readonly name: string; readonly kind: string; readonly namespaced: boolean }[];
}

export function createDiscovery(client: KubeClient): Discovery {
  const known = new Map<string, readonly ResourceType[]>();

  async function resourceTypesIn(groupVersion: string): Promise<readonly ResourceType[]> {
    const cached = known.get(groupVersion);
    if (cached) return cached;
    const [first = "", second] = groupVersion.split("/");
    const [group, version] = second === undefined ? ["", first] : [first, second];
    let list: ResourceList;
    try {
      list = await client.request<ResourceList>({
        method: "GET",
        path: group === "" ? `/api/${version}` : `/apis/${group}/${version}`,
      });
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === 404) return [];
      throw error;
    }
    const types = (list.resources ?? [])
      .filter(({ name }) => !name.includes("/"))
      .map(({ name, kind, namespaced }) => ({ group, version, plural: name, kind, namespaced }));
    known.set(groupVersion, types);
    return types;
  }

  async function resourceTypeOf(object: KubeObject): Promise<ResourceType> {
    const { apiVersion = "", kind = "" } = object;
    // A definition that was just applied takes a moment until it is served.
    for (let attempt = 0; attempt < 20; attempt++) {
      const type = (await resourceTypesIn(apiVersion)).find((candidate) => candidate.kind === kind);
      if (type) return type;
      known.delete(apiVersion);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new UsageError(
      `the cluster doesn't know ${apiVersion} ${kind}; is its custom resource definition installed?`,
    );
  }

  return { resourceTypeOf, resourceTypesIn };
}
