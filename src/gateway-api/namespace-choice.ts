import type { Namespace } from "kubernetes-types/core/v1.d.ts";
import type { NamespaceChoice } from "#api/gateway-api/gateway.ts";
import type { LabelSelector } from "#api/gateway-api/object.ts";
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

/** Kubernetes: an empty selector matches everything. */
function matchesLabels(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === "Exists") return value !== undefined;
      if (operator === "DoesNotExist") return value === undefined;
      if (operator === "In") return value !== undefined && values.includes(value);
      return operator === "NotIn" && (value === undefined || !values.includes(value));
    })
  );
}
