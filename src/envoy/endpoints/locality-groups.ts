import type { LoadBalancer, LocalityLoadBalancer, ZoneAwareLoadBalancer } from "#api/istio/destination-rule.ts";
import { formatLocality, type Locality } from "#model/locality.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { Endpoint, TrafficDistribution } from "#model/service.ts";
import type { Place } from "#snapshot/place.ts";
import type { EffectivePolicy } from "../clusters/traffic-policy.ts";
import { compareOpenness, distance, isAt, ownLabels, placeLabels } from "./place.ts";

/** Endpoints of one locality that are used together. */
export interface LocalityGroup {
  readonly locality: Locality;
  readonly endpoints: readonly Endpoint[];
  readonly weight: number;
  /** 0 is used first; the next while too few of the ones before are healthy. */
  readonly priority: number;
}

/** How endpoints are chosen by where they are. */
export interface LocalityRules {
  readonly distribute: NonNullable<LocalityLoadBalancer["distribute"]>;
  readonly failover: NonNullable<LocalityLoadBalancer["failover"]>;
  /** Labels, each perhaps with `=` and the value to prefer. */
  readonly failoverPriority: readonly string[];
  /** Regions alone make a difference, as Envoy looks at zones itself. */
  readonly byRegion?: true;
}

/**
 * The rules that hold for a cluster; `undefined` when places don't matter. Without outlier detection Envoy never leaves the
 * nearest endpoints, so there is no failover then. Istio: GetLocalityLbSetting.
 */
export function localityRules(
  { loadBalancer, outlierDetection }: Pick<EffectivePolicy, "loadBalancer" | "outlierDetection">,
  mesh: PlaceSettings,
  distribution: TrafficDistribution = "Any",
): LocalityRules | undefined {
  const zones = zoneAwareness(loadBalancer, mesh, distribution);
  if (zones) {
    const { failover = [], failoverPriority = [] } = zones;
    return { distribute: [], failover, failoverPriority, byRegion: true };
  }
  const own = loadBalancer?.localityLbSetting;
  // The service's own wish needs no outlier detection.
  if (own === undefined && distribution !== "Any") {
    return { distribute: [], failover: [], failoverPriority: preferred[distribution] };
  }
  const setting = own ?? mesh.localityLbSetting;
  if (setting.enabled === false) return undefined;
  const { distribute = [], failover = [], failoverPriority = [] } = setting;
  if (distribute.length > 0) return { distribute, failover: [], failoverPriority: [] };
  return outlierDetection === undefined ? undefined : { distribute, failover, failoverPriority };
}

/** What the mesh says of places. */
type PlaceSettings = Pick<MeshConfig, "localityLbSetting" | "zoneAwareLbSetting">;

/** How Envoy is to share traffic between the zones of its region; undefined where it isn't to. */
export function zoneAwareness(
  loadBalancer: LoadBalancer | undefined,
  mesh: PlaceSettings,
  distribution: TrafficDistribution = "Any",
): ZoneAwareLoadBalancer | undefined {
  const isOpen = loadBalancer?.localityLbSetting === undefined && distribution === "Any";
  const setting = loadBalancer?.zoneAwareLbSetting ?? (isOpen ? mesh.zoneAwareLbSetting : undefined);
  return setting?.enabled === false ? undefined : setting;
}

const sameZone = ["topology.istio.io/network", "topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

/** What clients and endpoints should have in common, the most important first. */
const preferred: Readonly<Record<Exclude<TrafficDistribution, "Any">, readonly string[]>> = {
  PreferSameZone: sameZone,
  PreferSameNode: [...sameZone, "topology.istio.io/subzone", "kubernetes.io/hostname"],
};

/** Whether the shares of localities come from the rules, and not from how many endpoints they have. */
export function hasOwnShares({ distribute, failover, failoverPriority, byRegion }: LocalityRules): boolean {
  if (byRegion) return false;
  return distribute.length > 0 || failover.length > 0 || failoverPriority.length > 0;
}

/** Endpoints by locality, each as heavy as its endpoints together. */
export function byLocality(endpoints: readonly Endpoint[]): readonly LocalityGroup[] {
  const groups = new Map<string, Endpoint[]>();
  for (const endpoint of endpoints) {
    const key = formatLocality(endpoint.locality);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [endpoint]);
    else group.push(endpoint);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [{ locality: first.locality, endpoints: group, weight: sum(group), priority: 0 }];
  });
}

function sum(endpoints: readonly Endpoint[]): number {
  return endpoints.reduce((total, { weight }) => total + weight, 0);
}

/** The groups as a proxy at `place` is to use them. Istio: ApplyLocalityLoadBalancer. */
export function placeGroups(
  groups: readonly LocalityGroup[],
  rules: LocalityRules,
  place: Place,
  clusterId: string,
): readonly LocalityGroup[] {
  if (rules.distribute.length > 0) return distributed(groups, rules.distribute, place);
  const { failover, failoverPriority } = rules;
  const labelled =
    failoverPriority.length > 0
      ? groups.flatMap((group) => byLabels(group, failoverPriority, place, clusterId))
      : groups;
  if (rules.byRegion) {
    return closed(
      labelled.map((group) => ({ ...group, priority: group.priority * 3 + regionTier(group, failover, place) })),
    );
  }
  if (failoverPriority.length > 0 && failover.length === 0) return closed(labelled);
  return closed(
    labelled.map((group) => ({ ...group, priority: group.priority * 5 + nearness(group, failover, place) })),
  );
}

/** Shares of the traffic from here; localities that get none are left out. */
function distributed(
  groups: readonly LocalityGroup[],
  distribute: LocalityRules["distribute"],
  { locality }: Place,
): readonly LocalityGroup[] {
  const rule = distribute.find(({ from = "" }) => isAt(locality, from));
  if (rule === undefined) return groups;
  const result: LocalityGroup[] = [];
  let left = groups;
  for (const [pattern, share] of Object.entries(rule.to ?? {}).sort(([a], [b]) => compareOpenness(a, b))) {
    const found = left.filter((group) => isAt(group.locality, pattern));
    left = left.filter((group) => !found.includes(group));
    const total = found.reduce((weight, group) => weight + group.weight, 0);
    if (share === 0) continue;
    for (const group of found) result.push({ ...group, weight: Math.ceil((group.weight * share) / total) });
  }
  return result;
}

/** The more of the labels agree, from the first on, the sooner an endpoint is used. */
function byLabels(
  group: LocalityGroup,
  names: readonly string[],
  place: Place,
  clusterId: string,
): readonly LocalityGroup[] {
  const own = ownLabels(place, clusterId);
  const wanted = names.map((text): readonly [string, string | undefined] => {
    const [name = "", value = own[name]] = text.split("=", 2);
    return [name, value];
  });
  const parts = new Map<number, Endpoint[]>();
  for (const endpoint of group.endpoints) {
    const labels = placeLabels(endpoint, clusterId);
    const differs = wanted.findIndex(([name, value]) => (labels[name] ?? "") !== (value ?? ""));
    const priority = differs < 0 ? 0 : names.length - differs;
    parts.set(priority, [...(parts.get(priority) ?? []), endpoint]);
  }
  return [...parts]
    .sort(([a], [b]) => a - b)
    .map(([priority, endpoints]) => ({ locality: group.locality, endpoints, weight: sum(endpoints), priority }));
}

/** Regions that the rules name for this one come before all others. */
function nearness(group: LocalityGroup, failover: LocalityRules["failover"], { locality }: Place): number {
  const near = distance(locality, group.locality);
  const rule = near === 3 ? failover.find(({ from }) => from === locality.region) : undefined;
  return rule !== undefined && group.locality.region !== rule.to ? 4 : near;
}

/** The own region, then the one that the rules name for it, then all others. */
function regionTier({ locality }: LocalityGroup, failover: LocalityRules["failover"], place: Place): number {
  const { region } = place.locality;
  if (locality.region === region) return 0;
  const rule = failover.find(({ from }) => from === region);
  return rule === undefined || locality.region === rule.to ? 1 : 2;
}

/** Envoy wants priorities without gaps. */
function closed(groups: readonly LocalityGroup[]): readonly LocalityGroup[] {
  const used = [...new Set(groups.map(({ priority }) => priority))].sort((a, b) => a - b);
  return groups.map((group) => ({ ...group, priority: used.indexOf(group.priority) }));
}
