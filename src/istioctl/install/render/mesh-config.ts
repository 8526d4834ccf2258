import { stringify } from "yaml";
import { mergeTrees, type Tree, textAt, treeAt, valueAt } from "../merge.ts";
import type { InstallContext, Manifest } from "./manifest.ts";

/** The mesh-wide defaults that an install writes (Istio: MeshConfig), below what the user sets. */
function meshConfig(context: InstallContext): Tree {
  const { values, namespace } = context;
  const sampling = valueAt(values, "pilot", "traceSampling");
  const base: Tree = {
    defaultConfig: {
      discoveryAddress: `istiod${context.revisionSuffix}.${namespace}.svc:15012`,
      ...(sampling !== undefined && sampling !== 1 ? { tracing: { sampling } } : {}),
    },
    defaultProviders: { metrics: ["prometheus"] },
    enablePrometheusMerge: true,
    rootNamespace: namespace,
    trustDomain: "cluster.local",
  };
  return mergeTrees(base, treeAt(values, "meshConfig"), treeAt(context.spec, "meshConfig"));
}

/** ConfigMap `istio`: what istiod reads its mesh config and networks from. */
export function meshConfigMap(context: InstallContext): Manifest {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `istio${context.revisionSuffix}`, namespace: context.namespace, labels: context.labels },
    data: {
      mesh: stringify(meshConfig(context)),
      meshNetworks: stringify({ networks: treeAt(context.values, "global", "meshNetworks") }),
    },
  };
}

/** ConfigMap `istio-sidecar-injector`: the values that shape injected containers. */
export function injectorConfigMap(context: InstallContext): Manifest {
  const { values } = context;
  const global = treeAt(values, "global");
  const injectorValues = {
    global: {
      ...global,
      hub: textAt(global, "hub") || textAt(context.spec, "hub"),
      tag: valueAt(global, "tag") ?? textAt(context.spec, "tag"),
    },
    revision: textAt(values, "revision"),
    sidecarInjectorWebhook: treeAt(values, "sidecarInjectorWebhook"),
    cni: { enabled: valueAt(context.spec, "components", "cni", "enabled") === true, ...treeAt(values, "cni") },
    // kube-inject has no istiod whose environment says it.
    pilot: { env: treeAt(values, "pilot", "env") },
    gateways: { securityContext: treeAt(values, "gateways", "securityContext") },
  };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: {
      name: `istio-sidecar-injector${context.revisionSuffix}`,
      namespace: context.namespace,
      labels: context.labels,
    },
    data: { config: stringify({ policy: "enabled" }), values: JSON.stringify(injectorValues, null, 2) },
  };
}
