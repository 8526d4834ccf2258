import type { Namespace } from "kubernetes-types/core/v1.d.ts";
import { type LabelSelector, matchesLabels } from "#model/label-selector.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { InputObjects, MeshInput, Objects } from "./input.ts";

/** Objects of these aren't in a namespace. */
const clusterScoped: ReadonlySet<string> = new Set(["nodes", "namespaces"]);

/** The namespaces that the mesh looks at; undefined for all. The root namespace is always one. */
const selectedNamespaces = memo((namespaces: Objects<Namespace>, mesh: MeshConfig): ReadonlySet<string> | undefined => {
  const { discoverySelectors, rootNamespace } = mesh;
  if (discoverySelectors.length === 0) return undefined;
  const isSelected = ({ metadata }: Namespace): boolean =>
    discoverySelectors.some((selector: LabelSelector) => matchesLabels(selector, metadata?.labels ?? {}));
  const names = [...namespaces].filter(([, namespace]) => isSelected(namespace)).map(([name]) => name);
  return new Set([...names, rootNamespace]);
});

const within = memo(
  (objects: Objects<unknown>, namespaces: ReadonlySet<string>): Objects<unknown> =>
    new Map([...objects].filter(([key]) => namespaces.has(key.slice(0, key.indexOf("/"))))),
);

/** The objects without those in namespaces that the mesh's `discoverySelectors` leave out. Istio: discoverySelectors. */
export function discovered(objects: InputObjects, mesh: MeshConfig): InputObjects {
  const namespaces = selectedNamespaces(objects.namespaces, mesh);
  if (namespaces === undefined) return objects;
  return Object.fromEntries(
    Object.entries(objects).map(([type, map]) => [
      type,
      clusterScoped.has(type) || !(map instanceof Map) ? map : within(map, namespaces),
    ]),
  ) as unknown as InputObjects;
}

/** Whether `after` looks at other namespaces than `before`. */
export function selectsOthers(before: MeshInput, after: MeshInput): boolean {
  const old = selectedNamespaces(before.namespaces, before.meshConfig);
  const now = selectedNamespaces(after.namespaces, after.meshConfig);
  if (old === undefined || now === undefined) return old !== now;
  return old.symmetricDifference(now).size > 0;
}
