import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { KubeObject } from "#kube/object.ts";
import type { Analyzer } from "../analyzer.ts";
import { nameOf, namespaceOf, systemNamespaces } from "../mesh.ts";
import { type Message, message } from "../message.ts";

export const injection: Analyzer = {
  name: "injection.Analyzer",
  description: "namespaces say whether they are in the mesh, and their pods have the proxy",
  needs: "cluster",
  analyze(mesh) {
    const candidates = mesh.namespaces.filter(
      (namespace) => !systemNamespaces.has(nameOf(namespace)) && nameOf(namespace) !== mesh.rootNamespace,
    );
    const revisions = new Set(mesh.pods.filter(isIstiod).map(({ metadata }) => metadata?.labels?.["istio.io/rev"]));
    const injected = new Set(candidates.filter((namespace) => isInjected(namespace, revisions)).map(nameOf));
    return [
      ...candidates.flatMap(checkLabels),
      ...mesh.pods.filter((pod) => injected.has(namespaceOf(pod)) && lacksProxy(pod)).map(missingProxy),
    ];
  },
};

function checkLabels(namespace: KubeObject): Message[] {
  const labels = namespace.metadata?.labels ?? {};
  const { "istio-injection": injectionLabel, "istio.io/rev": revision, "istio.io/dataplane-mode": mode } = labels;
  if (injectionLabel !== undefined && injectionLabel !== "enabled") return [];
  const present = Object.entries({
    "istio-injection": injectionLabel,
    "istio.io/rev": revision,
    "istio.io/dataplane-mode": mode,
  })
    .filter(([, value]) => value !== undefined)
    .map(([label]) => label);
  if (present.length > 1) {
    const text = `has ${present.join(" and ")}, which contradict each other: keep one`;
    return [message("NamespaceMultipleInjectionLabels", namespace, "metadata.labels", text)];
  }
  if (present.length === 1) return [];
  const command = `kubectl label namespace ${nameOf(namespace)} istio-injection`;
  const text = `isn't in the mesh. To add it: ${command}=enabled; to leave it out on purpose: ${command}=disabled`;
  return [message("NamespaceNotInjected", namespace, undefined, text)];
}

function isIstiod({ metadata }: Pod): boolean {
  return metadata?.labels?.["app"] === "istiod";
}

/** By its label, or by a revision that has a control plane. */
function isInjected({ metadata }: KubeObject, revisions: ReadonlySet<string | undefined>): boolean {
  const { "istio-injection": injectionLabel, "istio.io/rev": revision } = metadata?.labels ?? {};
  if (injectionLabel !== undefined) return injectionLabel === "enabled";
  return revision !== undefined && revisions.has(revision);
}

function lacksProxy({ metadata, spec }: Pod): boolean {
  if (spec?.hostNetwork) return false;
  const inject = "sidecar.istio.io/inject";
  if ((metadata?.labels?.[inject] ?? metadata?.annotations?.[inject]) === "false") return false;
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  return !containers.some(({ name }) => name === "istio-proxy");
}

function missingProxy(pod: Pod): Message {
  const restart = `kubectl rollout restart -n ${namespaceOf(pod)} deployment`;
  const text = `has no istio-proxy: it is older than the namespace's label, or injection failed. To make it anew: ${restart}`;
  return message("PodMissingProxy", pod, undefined, text);
}
