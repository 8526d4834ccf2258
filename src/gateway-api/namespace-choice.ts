import type { Namespace } from "kubernetes-types/core/v1.d.ts";
import type { NamespaceChoice } from "#api/gateway-api/gateway.ts";
import type { LabelSelector } from "#api/gateway-api/object.ts";
import { matchesLabels } from "#labels/label-selector.ts";
import type { Objects } from "./input.ts";

const nameLabel = "kubernetes.io/metadata.name";

/** The namespaces whose routes a listener takes, `*` for all. Without a choice: its own. */
export function routeNamespaces(
  choice: NamespaceChoice | undefined,
  own: string,
  namespaces: Objects<Namespace>,
): readonly string[] {
  const from = choice?.from ?? "Same";
  if (from === "Same") return [own];
  if (from === "All") return ["*"];
  const { selector } = choice ?? {};
  if (from === "None" || selector === undefined) return [];
  return [...namespaces.values()]
    .filter((namespace) => selected(selector, namespace))
    .map(({ metadata }) => metadata?.name ?? "")
    .sort();
}

/** Whether a Gateway takes ListenerSets of `namespace`. Without a choice it takes none. */
export function takesListenersOf(
  namespace: string,
  choice: NamespaceChoice | undefined,
  own: string,
  namespaces: Objects<Namespace>,
): boolean {
  if (choice === undefined) return false;
  const from = choice.from ?? "None";
  if (from === "All") return true;
  if (from === "Same") return namespace === own;
  const object = namespaces.get(namespace);
  return (
    from === "Selector" && choice.selector !== undefined && object !== undefined && selected(choice.selector, object)
  );
}

function selected(selector: LabelSelector, { metadata }: Namespace): boolean {
  const labels = { ...metadata?.labels, [nameLabel]: metadata?.name ?? "" };
  return matchesLabels(selector, labels);
}
