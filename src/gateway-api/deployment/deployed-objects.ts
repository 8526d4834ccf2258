import type { KubernetesGateway, Listener } from "#api/gateway-api/gateway.ts";
import type { ProxyConfigResource } from "#api/istio/proxy-config.ts";
import { createContext, type InjectEnvironment } from "#inject/context.ts";
import { kubeGatewayPod } from "#inject/kube-gateway-pod.ts";
import type { InjectMeshConfig } from "#inject/mesh.ts";
import { strategicMerge } from "#inject/strategic-merge.ts";
import { canonicalLabels } from "#inject/template-metadata.ts";
import type { InjectValues } from "#inject/values.ts";
import { deployedName, isManaged } from "../gateway-address.ts";
import { type ClassInfo, gatewayController } from "../gateway-class.ts";
import type { Customizations } from "./customizations.ts";
import { deployedLabels, gatewayNameLabel, wantedMetadata } from "./deployed-metadata.ts";
import { deployedService } from "./deployed-service.ts";

/** An object to apply. */
export interface DeployedObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly object[];
  };
  readonly [part: string]: unknown;
}

/** What the deployment of a Gateway hangs on besides itself. */
export interface DeploymentFacts {
  readonly info: ClassInfo;
  readonly values: InjectValues;
  readonly mesh: InjectMeshConfig;
  /** The resources of kind ProxyConfig, of all namespaces, oldest first. */
  readonly proxyConfigs?: readonly ProxyConfigResource[];
  readonly revision: string;
  readonly environment: InjectEnvironment;
  /** Whether the Gateway's own labels and annotations go to what is deployed. Istio: ENABLE_GATEWAY_API_COPY_LABELS_ANNOTATIONS. */
  readonly copiesMetadata: boolean;
  readonly isWatched: (namespace: string) => boolean;
  /** Listeners of ListenerSets that the Gateway takes. */
  readonly moreListeners: readonly Listener[];
  readonly customizations: Customizations;
}

/** Istio: the version of the deployment controller; a newer one takes Gateways over from an older one, never the other way. */
export const controllerVersion = 5;
export const controllerVersionAnnotation = "gateway.istio.io/controller-version";

/**
 * All that is deployed for a Gateway, in the order to apply it; the first marks the Gateway itself. Undefined when istiod doesn't
 * deploy it: it names a service of its own, or is another controller's. Istio: DeploymentController.configureIstioGateway.
 */
export function deployedObjects(
  gateway: KubernetesGateway,
  facts: DeploymentFacts,
): readonly DeployedObject[] | undefined {
  const { name: gatewayName = "", namespace = "", uid } = gateway.metadata;
  if (facts.info.controller !== gatewayController || !isManaged(gateway) || !facts.isWatched(namespace))
    return undefined;
  const name = deployedName(gateway, facts.info);
  const serviceAccount =
    gateway.metadata.annotations?.["gateway.istio.io/service-account"] ||
    `${gatewayName}-${gateway.spec.gatewayClassName}`;
  const { labels: wanted, annotations } = wantedMetadata(gateway, facts.copiesMetadata);
  const labels = deployedLabels(gateway, facts.info.controller, wanted);
  const owner = { apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", name: gatewayName, uid };
  const metadata = (own: string) => ({ name: own, namespace, labels, annotations, ownerReferences: [owner] });
  const listeners = [...(gateway.spec.listeners ?? []), ...facts.moreListeners];
  const { customizations } = facts;
  const objects: readonly (DeployedObject | undefined)[] = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata(serviceAccount) },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: metadata(name),
      spec: {
        selector: { matchLabels: { [gatewayNameLabel]: gatewayName } },
        template: podTemplate(name, namespace, serviceAccount, labels, annotations, facts),
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: metadata(name),
      spec: deployedService(gateway, annotations, listeners),
    },
    customizations.horizontalPodAutoscaler && {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: metadata(name),
      spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name } },
    },
    customizations.podDisruptionBudget && {
      apiVersion: "policy/v1",
      kind: "PodDisruptionBudget",
      metadata: metadata(name),
      spec: { selector: { matchLabels: { [gatewayNameLabel]: gatewayName } } },
    },
  ];
  const mark: DeployedObject = {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: {
      name: gatewayName,
      namespace,
      annotations: { [controllerVersionAnnotation]: String(controllerVersion) },
    },
  };
  return [mark, ...objects.flatMap((object) => (object ? customized(object, customizations) : []))];
}

/** What the user asked for comes over what is made, kind by kind. */
function customized(object: DeployedObject, customizations: Customizations): DeployedObject {
  const field = `${object.kind.charAt(0).toLowerCase()}${object.kind.slice(1)}` as keyof Customizations;
  const patches = customizations[field] ?? [];
  return patches.reduce<DeployedObject>((merged, patch) => strategicMerge(merged, patch), object);
}

function podTemplate(
  name: string,
  namespace: string,
  serviceAccount: string,
  labels: Readonly<Record<string, string>>,
  annotations: Readonly<Record<string, string>>,
  { values, mesh, proxyConfigs = [], revision, environment }: DeploymentFacts,
) {
  const network = labels["topology.istio.io/network"] || values.global.network;
  const context = createContext({
    pod: { metadata: { labels: { ...labels }, annotations: { ...annotations } }, spec: { containers: [] } },
    workload: { apiVersion: "apps/v1", kind: "Deployment", name, namespace },
    values: { ...values, global: { ...values.global, network } },
    mesh,
    proxyConfigs,
    namespace,
    revision,
    native: false,
    environment,
  });
  return {
    metadata: {
      annotations: {
        "istio.io/rev": revision || "default",
        "prometheus.io/path": "/stats/prometheus",
        "prometheus.io/port": "15020",
        "prometheus.io/scrape": "true",
        ...annotations,
      },
      labels: { ...labels, ...canonicalLabels(context), "sidecar.istio.io/inject": "false" },
    },
    spec: kubeGatewayPod(context, serviceAccount),
  };
}
