import { isIP } from "node:net";
import type { ConfigMap } from "kubernetes-types/core/v1.d.ts";
import { readMeshConfig } from "#config/mesh-config.ts";
import { readMeshNetworks } from "#config/mesh-networks.ts";
import { unusedMeshFields } from "#config/unused-mesh-fields.ts";
import { type InjectMeshConfig, parseMeshConfig } from "#inject/mesh.ts";
import { parseMap } from "#inject/parse-map.ts";
import { completeInjectValues, type InjectValues, parseInjectValues } from "#inject/values.ts";
import type { KubeClient } from "#kube/client.ts";
import { startInformer } from "#kube/informer.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import type { MeshConfig } from "#model/mesh-config.ts";
import type { MeshNetwork } from "#model/mesh-networks.ts";

/** What the config maps of the install say. */
export interface MeshSettings {
  readonly synced: Promise<void>;
  /** For the snapshot. The same object until the config map changes. */
  meshConfig(): MeshConfig;
  /** ConfigMap `istio`, key `mesh`, as it was written. */
  rawMesh(): InjectMeshConfig;
  injectValues(): InjectValues;
  onChange(listener: (what: "mesh" | "injector") => void): void;
}

/** Follows the config maps `istio` and `istio-sidecar-injector` of the revision. Text that can't be read keeps the last good one. */
export function followMeshSettings(options: {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly revision: string;
  readonly signal: AbortSignal;
  readonly log: Log;
}): MeshSettings {
  const { client, namespace, revision, signal, log } = options;
  const suffix = revision === "default" ? "" : `-${revision}`;
  const listeners: ((what: "mesh" | "injector") => void)[] = [];
  let raw: InjectMeshConfig = {};
  let mesh: MeshConfig = readMeshConfig({}, namespace);
  let values = completeInjectValues({ global: { istioNamespace: namespace } });

  function follow(name: string, readers: Readonly<Record<string, (text: string) => void>>): Promise<void> {
    const informer = startInformer<ConfigMap>(client, resourceTypes.configMaps, {
      signal,
      log,
      namespace,
      fieldSelector: `metadata.name=${name}`,
    });
    const last = new Map<string, string>();
    informer.onChange(({ after }) => {
      for (const [key, read] of Object.entries(readers)) {
        const text = after?.data?.[key] ?? "";
        if (last.get(key) === text) continue;
        last.set(key, text);
        try {
          read(text);
        } catch (error) {
          const configMap = `${namespace}/${name}`;
          log.error("config map can't be used; the last good one stays", { configMap, key, error });
        }
      }
    });
    return informer.synced;
  }

  const readMesh = (text: string): void => {
    const next = parseMeshConfig(text);
    mesh = Object.freeze({ ...readMeshConfig(next, namespace), networks: mesh.networks });
    raw = next;
    for (const field of unusedMeshFields(next)) log.warn("a field of the mesh config has no effect", { field });
    for (const listener of listeners) listener("mesh");
  };
  const readNetworks = (text: string): void => {
    const networks = readMeshNetworks(parseMap(text, "mesh networks"));
    mesh = Object.freeze({ ...mesh, networks });
    for (const problem of unusedGateways(networks)) log.warn("a gateway of a network can't be used", problem);
    for (const listener of listeners) listener("mesh");
  };
  const readInjector = (text: string): void => {
    values = parseInjectValues(text, namespace);
    for (const listener of listeners) listener("injector");
  };
  const synced = Promise.all([
    follow(`istio${suffix}`, { mesh: readMesh, meshNetworks: readNetworks }),
    follow(`istio-sidecar-injector${suffix}`, { values: readInjector }),
  ]);

  return {
    synced: synced.then(() => {}),
    meshConfig: () => mesh,
    rawMesh: () => raw,
    injectValues: () => values,
    onChange: (listener) => void listeners.push(listener),
  };
}

/** Endpoints must be addresses: names of gateways aren't looked up. */
function unusedGateways(networks: readonly MeshNetwork[]) {
  return networks.flatMap(({ name, gateways }) =>
    gateways
      .filter(({ address }) => address !== undefined && isIP(address) === 0)
      .map(({ address }) => ({ network: name, address, reason: "it isn't an IP address" })),
  );
}
