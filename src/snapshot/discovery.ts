import type { Namespace } from "kubernetes-types/core/v1.d.ts";
import { type LabelSelector, matchesLabels } from "#labels/label-selector.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { MeshInput, Objects } from "./input.ts";

/** Objects of these aren't in a namespace. */
const clusterScoped: ReadonlySet<string> = new Set(["nodes", "namespaces", "gatewayClasses"]);

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

/** The collections without the objects in namespaces that the mesh's `discoverySelectors` leave out. Istio: discoverySelectors. */
export function discovered<T extends { readonly [K in keyof T]: Objects<unknown> }>(
  collections: T,
  namespaces: Objects<Namespace>,
  mesh: MeshConfig,
): T {
  const selected = selectedNamespaces(namespaces, mesh);
  if (selected === undefined) return collections;
  const kept = Object.entries<Objects<unknown>>(collections).map(([type, objects]) => [
    type,
    clusterScoped.has(type) ? objects : within(objects, selected),
  ]);
  return Object.fromEntries(kept) as T;
}

/** Whether the mesh looks at a namespace. */
export function isDiscovered(namespace: string, namespaces: Objects<Namespace>, mesh: MeshConfig): boolean {
  return selectedNamespaces(namespaces, mesh)?.has(namespace) ?? true;
}

/** Whether `after` looks at other namespaces than `before`. */
export function selectsOthers(before: MeshInput, after: MeshInput): boolean {
  const old = selectedNamespaces(before.namespaces, before.meshConfig);
  const now = selectedNamespaces(after.namespaces, after.meshConfig);
  if (old === undefined || now === undefined) return old !== now;
  return old.symmetricDifference(now).size > 0;
}
