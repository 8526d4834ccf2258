import { istioKinds } from "#config/kinds.ts";
import { customResourceDefinition } from "./crd.ts";
import type { InstallContext, Manifest } from "./manifest.ts";

/** What everything else stands on: the namespace and the custom resource definitions. */
export function renderBase(context: InstallContext): Manifest[] {
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: context.namespace } },
    ...istioKinds.map(customResourceDefinition),
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "istio-reader-service-account", namespace: context.namespace, labels: { app: "istio-reader" } },
    },
  ];
}
