import type { ConfigMap } from "kubernetes-types/core/v1.d.ts";
import type { GatewayApiInput } from "#gateway-api/input.ts";
import type { Informer } from "#kube/informer.ts";
import { type KubeObject, objectKey, type ResourceType } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { ServedTypes } from "../served-types.ts";

type TypeName =
  | "gatewayClasses"
  | "kubernetesGateways"
  | "listenerSets"
  | "httpRoutes"
  | "grpcRoutes"
  | "tcpRoutes"
  | "tlsRoutes"
  | "referenceGrants"
  | "backendTLSPolicies"
  | "backendTrafficPolicies";

/** The kinds of the Gateway API, by their field in the input of the conversion. */
const types: Readonly<Record<TypeName, ResourceType>> = {
  gatewayClasses: resourceTypes.gatewayClasses,
  kubernetesGateways: resourceTypes.kubernetesGateways,
  listenerSets: resourceTypes.listenerSets,
  httpRoutes: resourceTypes.httpRoutes,
  grpcRoutes: resourceTypes.grpcRoutes,
  tcpRoutes: resourceTypes.tcpRoutes,
  tlsRoutes: resourceTypes.tlsRoutes,
  referenceGrants: resourceTypes.referenceGrants,
  backendTLSPolicies: resourceTypes.backendTLSPolicies,
  backendTrafficPolicies: resourceTypes.backendTrafficPolicies,
};

type GatewayApiObjects = Pick<GatewayApiInput, TypeName>;

/** The cluster's resources of the Gateway API, and the ConfigMaps that they refer to. */
export interface GatewayApiResources {
  readonly synced: Promise<void>;
  /** Maps of types in which nothing changed are the same maps. */
  current(): GatewayApiObjects;
  configMaps(): GatewayApiInput["configMaps"];
  /** Whether there is anything to convert. */
  isUsed(): boolean;
  onChange(listener: (type: TypeName | "configMaps", key: string) => void): void;
}

export interface GatewayApiResourcesOptions {
  readonly served: ServedTypes;
  readonly configMaps: Informer<ConfigMap>;
}

export function followGatewayApiResources(options: GatewayApiResourcesOptions): GatewayApiResources {
  const { served, configMaps } = options;
  const live = new Map<TypeName, Map<string, KubeObject>>();
  const frozen = new Map<TypeName, ReadonlyMap<string, KubeObject>>();
  const listeners: ((type: TypeName | "configMaps", key: string) => void)[] = [];
  const names = Object.keys(types) as TypeName[];
  for (const name of names) {
    const objects = new Map<string, KubeObject>();
    live.set(name, objects);
    served.follow(types[name], {
      onChange(key, after) {
        if (after) objects.set(key, after);
        else objects.delete(key);
        frozen.delete(name);
        for (const listener of listeners) listener(name, key);
      },
    });
  }
  configMaps.onChange(({ key }) => {
    for (const listener of listeners) listener("configMaps", key);
  });

  return {
    synced: Promise.all([configMaps.synced, served.synced]).then(() => {}),
    current() {
      const map = (name: TypeName): ReadonlyMap<string, KubeObject> => {
        const known = frozen.get(name) ?? new Map(live.get(name));
        frozen.set(name, known);
        return known;
      };
      // Each collection was asked for by its own type.
      return Object.fromEntries(names.map((name) => [name, map(name)])) as unknown as GatewayApiObjects;
    },
    configMaps: () => new Map([...configMaps.values()].map((object) => [objectKey(object), object])),
    isUsed: () => names.some((name) => (live.get(name)?.size ?? 0) > 0),
    onChange: (listener) => void listeners.push(listener),
  };
}

/** The type that an object of the Gateway API belongs to, in the version it came in. */
export function typeOfObject({ apiVersion = "", kind }: KubeObject): ResourceType | undefined {
  const [group, version = ""] = apiVersion.split("/");
  const found = Object.values(types).find((type) => type.group === group && type.kind === kind);
  return found && { ...found, version };
}
