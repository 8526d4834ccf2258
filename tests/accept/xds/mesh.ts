import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { prune } from "#cluster/apiserver/schema/prune.ts";
import { kindNamed } from "#config/kinds.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { type Proxy, type ProxyNode, parseProxy } from "#model/proxy.ts";
import { emptyInput, type InputObjects, type MeshInput } from "#snapshot/input.ts";

export interface Item {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** What every API server adds to the mesh by itself, and the recorded one did. */
const apiServer: readonly Item[] = [
  {
    kind: "Service",
    metadata: { name: "kubernetes", namespace: "default" },
    spec: { clusterIP: "10.96.0.1", ports: [{ name: "https", port: 443, targetPort: 7443 }] },
  } as Item,
  {
    kind: "EndpointSlice",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "kubernetes" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["192.0.2.2"], conditions: { ready: true } }],
    ports: [{ name: "https", port: 7443 }],
  } as Item,
];

const typeOfKind: Readonly<Record<string, keyof InputObjects>> = {
  Service: "services",
  EndpointSlice: "endpointSlices",
  Pod: "pods",
  VirtualService: "virtualServices",
  DestinationRule: "destinationRules",
  Gateway: "gateways",
  EnvoyFilter: "envoyFilters",
  ServiceEntry: "serviceEntries",
  Sidecar: "sidecars",
  WorkloadEntry: "workloadEntries",
  WorkloadGroup: "workloadGroups",
  RequestAuthentication: "requestAuthentications",
  AuthorizationPolicy: "authorizationPolicies",
  PeerAuthentication: "peerAuthentications",
};

/** The mesh of the folder with the resources of a scenario on top, all of it frozen. */
export function meshInput(folder: string, resources: readonly Item[]): MeshInput {
  const mesh = JSON.parse(readFileSync(join(folder, "mesh.json"), "utf8")) as { items: readonly Item[] };
  return inputOf([...apiServer, ...mesh.items, ...resources]);
}

/** A mesh of these objects alone, all of it frozen. Kinds that proxies don't get are left out. */
export function inputOf(items: readonly Item[]): MeshInput {
  const maps = new Map<keyof InputObjects, Map<string, Item>>();
  for (const item of items) {
    const type = typeOfKind[item.kind];
    if (type === undefined) continue;
    const { name, namespace = "default" } = item.metadata;
    const placed = { ...item, metadata: { ...item.metadata, namespace } };
    const map = maps.get(type) ?? new Map<string, Item>();
    maps.set(type, map.set(`${namespace}/${name}`, deepFreeze(placed)));
  }
  return { ...emptyInput(defaultMeshConfig), ...(Object.fromEntries(maps) as Partial<InputObjects>) };
}

/** The kinds that reach proxies today. */
export function isGenerated(kind: string): boolean {
  return typeOfKind[kind] !== undefined;
}

/** The resources of a scenario. */
export function readScenario(folder: string, name: string): readonly Item[] {
  return parseItems(readFileSync(join(folder, name, "input.yaml"), "utf8"));
}

/** As the API server keeps it: without fields that the CRD doesn't know. */
function stored(item: Item): Item {
  const schema = kindNamed(item.kind)?.schema;
  return schema === undefined ? item : (prune(item, schema).value as Item);
}

/** The objects of a YAML text. */
export function parseItems(text: string): readonly Item[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Item | null)
    .filter((item) => item !== null && item !== undefined)
    .map(stored);
}

/** The proxies by name. */
export function readProxies(folder: string): ReadonlyMap<string, Proxy> {
  const nodes = JSON.parse(readFileSync(join(folder, "proxies.json"), "utf8")) as Record<string, ProxyNode>;
  return new Map(
    Object.entries(nodes).map(([name, node]) => {
      const proxy = parseProxy(node);
      if (typeof proxy === "string") throw new Error(`${name}: ${proxy}`);
      return [name, proxy];
    }),
  );
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const item of Object.values(value)) deepFreeze(item);
    Object.freeze(value);
  }
  return value;
}
