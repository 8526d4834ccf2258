import { ByKey } from "#model/by-key.ts";
import type { Labels } from "#model/labels.ts";
import { formatLocality, type Locality } from "#model/locality.ts";
import { memo } from "#model/memo.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Proxy } from "#model/proxy.ts";
import { podLocality } from "#registry/locality.ts";
import type { MeshInput } from "./input.ts";

/** Where a proxy runs, and what it is. */
export interface Place {
  /** The same object for all proxies at one locality. */
  readonly locality: Locality;
  readonly labels: Labels;
  /** Name of the node. */
  readonly node: string;
  readonly network: string;
}

const localities = memo((_mesh: MeshConfig) => new ByKey<Locality>());

/** The place of a proxy: as it says itself, else that of its pod. */
export function placeOf({ pods, nodes, meshConfig }: MeshInput, proxy: Proxy): Place {
  const pod = pods.get(`${proxy.namespace}/${proxy.name}`);
  const { region, zone, subzone } = proxy.locality;
  const known = region !== "" || zone !== "" || subzone !== "";
  const locality = known ? proxy.locality : podLocality(pod, nodes.get(pod?.spec?.nodeName ?? ""));
  return {
    locality: localities(meshConfig).get(formatLocality(locality), () => Object.freeze({ ...locality })),
    labels: pod?.metadata?.labels ?? proxy.labels,
    node: pod?.spec?.nodeName ?? "",
    network: proxy.network,
  };
}
