import type { ConfigMap } from "kubernetes-types/core/v1.d.ts";
import type { GatewayApiInput } from "#gateway-api/input.ts";
import type { Informer } from "#kube/informer.ts";
import { LiveObjects } from "#kube/live-objects.ts";
import type { KubeObject, ResourceType } from "#kube/object.ts";
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
  const live = new Map<TypeName, LiveObjects>();
  const listeners: ((type: TypeName | "configMaps", key: string) => void)[] = [];
  for (const name of Object.keys(types) as TypeName[]) {
    const objects = new LiveObjects();
    live.set(name, objects);
    served.follow(types[name], {
      onChange(key, after) {
        objects.put(key, after);
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
      // Each collection was asked for by its own type.
      return Object.fromEntries(
        [...live].map(([name, objects]) => [name, objects.current()]),
      ) as unknown as GatewayApiObjects;
    },
    configMaps: () => configMaps.current(),
    isUsed: () => [...live.values()].some(({ size }) => size > 0),
    onChange: (listener) => void listeners.push(listener),
  };
}

/** The type that an object of the Gateway API belongs to, in the version it came in. */
export function typeOfObject({ apiVersion = "", kind }: KubeObject): ResourceType | undefined {
  const [group, version = ""] = apiVersion.split("/");
  const found = Object.values(types).find((type) => type.group === group && type.kind === kind);
  return found && { ...found, version };
}
