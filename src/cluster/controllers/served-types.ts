import type { CustomResourceDefinition } from "kubernetes-types/apiextensions/v1.d.ts";
import type { APIGroupList, APIResourceList } from "kubernetes-types/meta/v1.d.ts";
import type { KubeClient } from "#kube/client.ts";
import type { ResourceType } from "#kube/object.ts";

/** Every built-in collection that can be listed, watched and deleted from, each in its preferred version. */
export async function discoverTypes(client: KubeClient): Promise<ResourceType[]> {
  const groups = await client.request<APIGroupList>({ method: "GET", path: "/apis" });
  const versions = ["v1", ...groups.groups.map((group) => preferredVersion(group))];
  const lists = await Promise.all(
    versions.map((groupVersion) => {
      const path = groupVersion === "v1" ? "/api/v1" : `/apis/${groupVersion}`;
      return client.request<APIResourceList>({ method: "GET", path });
    }),
  );
  return lists.flatMap(({ groupVersion, resources }) =>
    resources
      .filter(
        ({ name, verbs }) => !name.includes("/") && ["list", "watch", "delete"].every((verb) => verbs.includes(verb)),
      )
      .map(({ name, kind, namespaced }) => {
        const [group, version] = groupVersion.includes("/") ? groupVersion.split("/") : ["", groupVersion];
        return { group: group ?? "", version: version ?? "", plural: name, kind, namespaced };
      }),
  );
}

function preferredVersion(group: APIGroupList["groups"][number]): string {
  return group.preferredVersion?.groupVersion ?? group.versions[0]?.groupVersion ?? "";
}

/** The collection that a CRD adds, once it is served. */
export function typeOfDefinition(definition: CustomResourceDefinition): ResourceType | undefined {
  const { group, names, scope, versions } = definition.spec;
  const established = definition.status?.conditions?.some(
    ({ type, status }) => type === "Established" && status === "True",
  );
  const version = versions.find(({ served, storage }) => served && storage) ?? versions.find(({ served }) => served);
  if (!established || !version) return undefined;
  return { group, version: version.name, plural: names.plural, kind: names.kind, namespaced: scope === "Namespaced" };
}
