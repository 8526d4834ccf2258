import type { Labels } from "#model/labels.ts";
import { formatLocality, type Locality } from "#model/locality.ts";
import type { Endpoint } from "#model/service.ts";
import { networkLabel } from "#registry/endpoints.ts";
import type { Place } from "#snapshot/place.ts";

/** Labels that say where an endpoint is, beside its own. Istio: AugmentLabels. */
export function placeLabels(endpoint: Endpoint, clusterId: string): Labels {
  return { ...endpoint.labels, ...topology(endpoint, clusterId) };
}

/** The same of a proxy. */
export function ownLabels(place: Place, clusterId: string): Labels {
  return { ...place.labels, ...topology(place, clusterId) };
}

/** Whether endpoints have the label because of where they are. */
export function isPlaceLabel(name: string): boolean {
  return name.startsWith("topology.") || name === "kubernetes.io/hostname";
}

function topology({ locality, node, network }: Omit<Place, "labels">, clusterId: string): Labels {
  const { region, zone, subzone } = locality;
  return {
    ...(region ? { "topology.kubernetes.io/region": region } : {}),
    ...(zone ? { "topology.kubernetes.io/zone": zone } : {}),
    ...(subzone ? { "topology.istio.io/subzone": subzone } : {}),
    ...(node ? { "kubernetes.io/hostname": node } : {}),
    ...(network ? { [networkLabel]: network } : {}),
    "topology.istio.io/cluster": clusterId,
  };
}

/** Whether a locality is one that `pattern` means: `region/zone/subzone`, each part `*` or left out at its end. Istio: LocalityMatch. */
export function isAt(locality: Locality, pattern: string): boolean {
  const [region = "", zone = "", ...rest] = pattern.split("/");
  const subzone = rest.join("/");
  const fits = (wanted: string, actual: string): boolean => wanted === "" || wanted === "*" || wanted === actual;
  return fits(region, locality.region) && fits(zone, locality.zone) && fits(subzone, locality.subzone);
}

/** How far away: 0 in the same subzone, 1 in the same zone, 2 in the same region, 3 elsewhere. Istio: LbPriority. */
export function distance(from: Locality, to: Locality): number {
  if (from.region !== to.region) return 3;
  if (from.zone !== to.zone) return 2;
  return from.subzone === to.subzone ? 0 : 1;
}

/** The most specific pattern first: those with fewer open parts. */
export function compareOpenness(a: string, b: string): number {
  return open(a) - open(b);
}

function open(pattern: string): number {
  const parts = pattern.split("/");
  return 3 - parts.filter((part) => part !== "" && part !== "*").length;
}

/** A text that is the same for places from which nothing can be told apart. */
export function placeKey({ locality, labels, node, network }: Place, wanted: readonly string[]): string {
  const own: Labels = { ...labels, "kubernetes.io/hostname": node, ...(network ? { [networkLabel]: network } : {}) };
  return `${formatLocality(locality)} ${wanted.map((name) => own[name] ?? "").join(" ")}`;
}
