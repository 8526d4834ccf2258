import type { KubernetesGateway } from "#api/gateway-api/gateway.ts";

/** The labels of what a controller deploys for Gateways. */
export const managedLabel = "gateway.istio.io/managed";
export const gatewayNameLabel = "gateway.networking.k8s.io/gateway-name";
const classNameLabel = "gateway.networking.k8s.io/gateway-class-name";
const dataplaneModeLabel = "istio.io/dataplane-mode";

/** Annotations that are for the controller, or for other tools about the Gateway itself. */
const ownAnnotations: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "gateway.istio.io/name-override",
  "gateway.istio.io/service-account",
  "gateway.istio.io/controller-version",
]);

type Map = Readonly<Record<string, string>>;

interface Metadata {
  readonly labels: Map;
  readonly annotations: Map;
}

/** Labels and annotations that the user wants on what is deployed: those of `infrastructure`, else the Gateway's own. */
export function wantedMetadata({ metadata, spec }: KubernetesGateway, copiesOwn: boolean): Metadata {
  const { infrastructure } = spec;
  const own = copiesOwn ? metadata : {};
  const source = infrastructure?.labels || infrastructure?.annotations ? infrastructure : own;
  return {
    labels: without(source.labels, isReserved),
    annotations: without(source.annotations, (name) => ownAnnotations.has(name) || isReserved(name)),
  };
}

/** The same for every object that is deployed. */
export function deployedLabels({ metadata, spec }: KubernetesGateway, controller: string, labels: Map): Map {
  return {
    [dataplaneModeLabel]: "none",
    ...labels,
    [managedLabel]: controller.replace("/", "-"),
    [gatewayNameLabel]: metadata.name ?? "",
    [classNameLabel]: spec.gatewayClassName,
  };
}

/** Gateway API: labels with its prefix are the implementation's to set. */
function isReserved(name: string): boolean {
  return name.startsWith("gateway.networking.k8s.io/");
}

function without(map: Map | undefined, isLeftOut: (name: string) => boolean): Map {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([name]) => !isLeftOut(name)));
}
