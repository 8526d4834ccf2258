import type { ConfigMap } from "kubernetes-types/core/v1.d.ts";
import { readMeshConfig } from "#config/mesh-config.ts";
import { unusedMeshFields } from "#config/unused-mesh-fields.ts";
import { type InjectMeshConfig, parseMeshConfig } from "#inject/mesh.ts";
import { completeInjectValues, type InjectValues, parseInjectValues } from "#inject/values.ts";
import type { KubeClient } from "#kube/client.ts";
import { startInformer } from "#kube/informer.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import type { MeshConfig } from "#model/mesh-config.ts";

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

  function follow(name: string, key: string, read: (text: string | undefined) => void): Promise<void> {
    const informer = startInformer<ConfigMap>(client, resourceTypes.configMaps, {
      signal,
      log,
      namespace,
      fieldSelector: `metadata.name=${name}`,
    });
    informer.onChange(({ after }) => {
      try {
        read(after?.data?.[key]);
      } catch (error) {
        log.error("config map can't be used; the last good one stays", {
          configMap: `${namespace}/${name}`,
          key,
          error,
        });
      }
    });
    return informer.synced;
  }

  const readMesh = (text: string | undefined): void => {
    const next = parseMeshConfig(text ?? "");
    mesh = readMeshConfig(next, namespace);
    raw = next;
    for (const field of unusedMeshFields(next)) log.warn("a field of the mesh config has no effect", { field });
    for (const listener of listeners) listener("mesh");
  };
  const readInjector = (text: string | undefined): void => {
    values = parseInjectValues(text ?? "", namespace);
    for (const listener of listeners) listener("injector");
  };
  const synced = Promise.all([
    follow(`istio${suffix}`, "mesh", readMesh),
    follow(`istio-sidecar-injector${suffix}`, "values", readInjector),
  ]);

  return {
    synced: synced.then(() => {}),
    meshConfig: () => mesh,
    rawMesh: () => raw,
    injectValues: () => values,
    onChange: (listener) => void listeners.push(listener),
  };
}
