import type { Node, Pod } from "kubernetes-types/core/v1.d.ts";
import { type Locality, noLocality, parseLocality } from "#model/locality.ts";

/** Where a pod runs: its label `istio-locality`, else the topology labels of its node. */
export function podLocality(pod: Pod | undefined, node: Node | undefined): Locality {
  const own = pod?.metadata?.labels?.["istio-locality"];
  if (own !== undefined && own !== "") return parseLocality(own);
  const labels = node?.metadata?.labels ?? {};
  const region = labels["topology.kubernetes.io/region"] ?? labels["failure-domain.beta.kubernetes.io/region"] ?? "";
  const zone = labels["topology.kubernetes.io/zone"] ?? labels["failure-domain.beta.kubernetes.io/zone"] ?? "";
  const subzone = labels["topology.istio.io/subzone"] ?? "";
  return region === "" && zone === "" && subzone === "" ? noLocality : { region, zone, subzone };
}
