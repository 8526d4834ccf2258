import type { Node, Pod } from "kubernetes-types/core/v1.d.ts";
import type { DestinationRule } from "#api/istio/destination-rule.ts";
import { isSubsetOf } from "#model/host.ts";
import type { Labels } from "#model/labels.ts";
import type { Analyzer } from "../analyzer.ts";
import { fullHost, hostOfService, type Mesh, nameOf, namespaceOf, selects } from "../mesh.ts";
import { type Message, message } from "../message.ts";

export const subsetPods: Analyzer = {
  name: "destinationrule.PodNotSelectedAnalyzer",
  description: "a DestinationRule's host exists, and each of its subsets selects a pod",
  needs: "cluster",
  analyze: (mesh) => mesh.destinationRules.flatMap((rule) => check(mesh, rule)),
};

function check(mesh: Mesh, rule: DestinationRule): Message[] {
  const host = fullHost(rule.spec?.host ?? "", rule);
  const services = mesh.services.filter((service) => isSubsetOf(hostOfService(service), host));
  if (services.length === 0) {
    const known = mesh.serviceEntries.some(({ spec }) =>
      (spec?.hosts ?? []).some((name) => isSubsetOf(host, name) || isSubsetOf(name, host)),
    );
    if (known) return [];
    const text = `"${rule.spec?.host}" is neither a service nor a host of a ServiceEntry`;
    return [message("UnknownDestinationRuleHost", rule, "spec.host", text)];
  }
  // Endpoints of a service without selector come from elsewhere.
  if (services.some(({ spec }) => !spec?.selector)) return [];
  const endpoints = mesh.pods
    .filter((pod) =>
      services.some(
        (service) => namespaceOf(pod) === namespaceOf(service) && selects(service.spec?.selector, pod.metadata?.labels),
      ),
    )
    .map((pod) => endpointLabels(pod, mesh.nodes));
  return (rule.spec?.subsets ?? []).flatMap(({ labels = {} }, index) => {
    if (Object.keys(labels).length === 0 || endpoints.some((endpoint) => selects(labels, endpoint))) return [];
    const text = `no pod of ${rule.spec?.host} has ${JSON.stringify(labels)}`;
    return [message("DestinationRuleSubsetNotSelectPods", rule, `spec.subsets[${index}].labels`, text)];
  });
}

/** A pod's labels and those that say where it is. */
function endpointLabels(pod: Pod, nodes: readonly Node[]): Labels {
  const nodeName = pod.spec?.nodeName;
  const node = nodes.find((candidate) => nodeName !== undefined && nameOf(candidate) === nodeName);
  const topology = Object.entries(node?.metadata?.labels ?? {}).filter(([key]) => key.startsWith("topology."));
  return {
    ...pod.metadata?.labels,
    ...Object.fromEntries(topology),
    ...(nodeName === undefined ? {} : { "kubernetes.io/hostname": nodeName }),
  };
}
