import type { IstioKind } from "#config/kind.ts";
import type { Manifest } from "./manifest.ts";

/** The CRD of one Istio kind. Kept when the mesh is uninstalled, so that users' configuration survives. */
export function customResourceDefinition(kind: IstioKind): Manifest {
  const category = kind.group.replaceAll(".", "-");
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${kind.plural}.${kind.group}`,
      labels: { app: "istio-pilot", chart: "istio", release: "istio" },
      annotations: { "helm.sh/resource-policy": "keep" },
    },
    spec: {
      group: kind.group,
      scope: kind.scope,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        categories: ["istio-io", category],
        ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
      },
      versions: kind.versions.map((version) => ({
        ...version,
        schema: { openAPIV3Schema: kind.schema },
        subresources: { status: {} },
        additionalPrinterColumns: kind.printerColumns,
      })),
    },
  };
}
