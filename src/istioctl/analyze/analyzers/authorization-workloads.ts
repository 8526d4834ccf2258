import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { AuthorizationPolicySpec } from "#api/istio/authorization-policy.ts";
import type { IstioObject } from "#api/istio/object.ts";
import { takesIn } from "#model/trust-domain.ts";
import type { Analyzer } from "../analyzer.ts";
import { type Mesh, nameOf, namespaceOf } from "../mesh.ts";
import { type Message, message } from "../message.ts";

type Policy = IstioObject<AuthorizationPolicySpec | undefined>;

export const authorizationWorkloads: Analyzer = {
  name: "authz.AuthorizationPoliciesAnalyzer",
  description: "AuthorizationPolicies are for pods that are there, and name namespaces that are there",
  needs: "cluster",
  analyze(mesh) {
    const members = mesh.pods.filter((pod) => isInMesh(pod, mesh));
    return mesh.authorizationPolicies.flatMap((policy) => [
      ...withoutWorkloads(policy, members, mesh),
      ...withoutNamespaces(policy, mesh),
    ]);
  },
};

function withoutWorkloads(policy: Policy, members: readonly Pod[], { rootNamespace }: Mesh): Message[] {
  const { selector, targetRef, targetRefs } = policy.spec ?? {};
  const namespace = namespaceOf(policy);
  const isForAll = namespace === rootNamespace;
  // Gateways that are named as targets, istiod tells of.
  if (targetRef || targetRefs?.length || (isForAll && selector === undefined)) return [];
  const wanted = Object.entries(selector?.matchLabels ?? {});
  const isFor = (pod: Pod): boolean =>
    (isForAll || namespaceOf(pod) === namespace) &&
    wanted.every(([key, value]) => pod.metadata?.labels?.[key] === value);
  if (members.some(isFor)) return [];
  const where = isForAll ? "the mesh" : `namespace ${namespace} that is in the mesh`;
  const labels = wanted.map(([key, value]) => `${key}=${value}`).join(",");
  const text = `there is no pod of ${where}${labels === "" ? "" : ` with ${labels}`}`;
  return [message("NoMatchingWorkloadsFound", policy, selector && "spec.selector", text)];
}

function withoutNamespaces(policy: Policy, { namespaces }: Mesh): Message[] {
  const names = namespaces.map(nameOf);
  return (policy.spec?.rules ?? []).flatMap(({ from = [] }, rule) =>
    from.flatMap(({ source = {} }, index) =>
      (["namespaces", "notNamespaces"] as const).flatMap((list) =>
        (source[list] ?? []).flatMap((pattern, item) => {
          if (names.some((name) => takesIn(pattern.toLowerCase(), name))) return [];
          const field = `spec.rules[${rule}].from[${index}].source.${list}[${item}]`;
          return [message("ReferencedResourceNotFound", policy, field, `there is no namespace ${pattern}`)];
        }),
      ),
    ),
  );
}

/** Pods with a proxy, and those that would have one if they were made now. Istio: util.PodInMesh. */
function isInMesh({ metadata, spec }: Pod, { namespaces }: Mesh): boolean {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  if (containers.some(({ name }) => name === "istio-proxy")) return true;
  const inject = "sidecar.istio.io/inject";
  const own = metadata?.labels?.[inject] ?? metadata?.annotations?.[inject];
  if (own !== undefined) return own === "true";
  const namespace = namespaces.find((one) => nameOf(one) === (metadata?.namespace ?? "default"));
  const { "istio-injection": injection, "istio.io/rev": revision } = namespace?.metadata?.labels ?? {};
  return injection === undefined ? revision !== undefined : injection === "enabled";
}
