import type { ConfigMap } from "kubernetes-types/core/v1.d.ts";
import { istioKinds } from "#config/kinds.ts";
import { type InjectMeshConfig, parseMeshConfig } from "#inject/mesh.ts";
import type { KubeObject, ResourceType } from "#kube/object.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Connection } from "../connection.ts";
import { createDiscovery, type Discovery } from "../discovery.ts";
import { UsageError } from "../usage-error.ts";

const coreTypes = [
  resourceTypes.namespaces,
  resourceTypes.nodes,
  resourceTypes.pods,
  resourceTypes.services,
  resourceTypes.deployments,
];

/** Of kinds that are served in several versions the first is asked for. */
const gatewayVersions = ["v1", "v1beta1", "v1alpha3", "v1alpha2"].map(
  (version) => `gateway.networking.k8s.io/${version}`,
);

/**
 * What the analyzers look at of a live cluster: of Istio's resources only those for the revision (without a label: for every
 * one). Kinds that the cluster doesn't know are left out. Rejects with KubeError.
 */
export async function readCluster({ client }: Connection, revision: string): Promise<KubeObject[]> {
  const discovery = createDiscovery(client);
  const gatewayTypes = new Map<string, ResourceType>();
  for (const type of (await Promise.all(gatewayVersions.map((one) => discovery.resourceTypesIn(one)))).flat())
    if (!gatewayTypes.has(type.kind)) gatewayTypes.set(type.kind, type);
  const types = [...coreTypes, ...(await istioTypes(discovery)), ...gatewayTypes.values()];
  const lists = await Promise.all(types.map(async (type) => (await client.list<KubeObject>(type)).items));
  return lists.flat().filter((object) => isForRevision(object, revision));
}

/** Of each kind the first version that the cluster serves. */
async function istioTypes(discovery: Discovery): Promise<ResourceType[]> {
  const types: ResourceType[] = [];
  for (const { group, kind, versions } of istioKinds) {
    for (const { name } of versions) {
      const type = (await discovery.resourceTypesIn(`${group}/${name}`)).find((candidate) => candidate.kind === kind);
      if (!type) continue;
      types.push(type);
      break;
    }
  }
  return types;
}

function isForRevision({ apiVersion = "", metadata }: KubeObject, revision: string): boolean {
  const own = metadata?.labels?.["istio.io/rev"];
  return !/\.istio\.io\//.test(apiVersion) || own === undefined || own === revision;
}

/** The mesh config of the revision's control plane; empty when there is none. Throws {@link UsageError} when it is no YAML. */
export async function readMeshConfig(connection: Connection, revision: string): Promise<InjectMeshConfig> {
  const name = revision === "default" ? "istio" : `istio-${revision}`;
  const namespace = connection.istioNamespace;
  const map = await connection.client.find<ConfigMap>(resourceTypes.configMaps, { namespace, name });
  try {
    return parseMeshConfig(map?.data?.["mesh"] ?? "");
  } catch (cause) {
    throw new UsageError(`ConfigMap ${namespace}/${name}: ${(cause as Error).message}`, { cause });
  }
}
