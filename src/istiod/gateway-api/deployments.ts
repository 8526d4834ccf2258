import type { KubernetesGateway } from "#api/gateway-api/gateway.ts";
import type { ProxyConfigResource } from "#api/istio/proxy-config.ts";
import { customizationsOf } from "#gateway-api/deployment/customizations.ts";
import { gatewayNameLabel, managedLabel } from "#gateway-api/deployment/deployed-metadata.ts";
import {
  controllerVersion,
  controllerVersionAnnotation,
  type DeployedObject,
  deployedObjects,
} from "#gateway-api/deployment/deployed-objects.ts";
import { classNamed, gatewayController } from "#gateway-api/gateway-class.ts";
import { attachedListeners } from "#gateway-api/gateways.ts";
import type { InjectEnvironment } from "#inject/context.ts";
import type { KubeClient } from "#kube/client.ts";
import { startInformer } from "#kube/informer.ts";
import type { Leadership } from "#kube/leader-election.ts";
import { objectKey, type ResourceType } from "#kube/object.ts";
import { createReconciler } from "#kube/reconciler.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import { isDiscovered } from "#snapshot/discovery.ts";
import type { MeshObjects } from "../mesh-objects.ts";
import type { MeshSettings } from "../mesh-settings.ts";
import type { GatewayApiResources } from "./resources.ts";

export interface GatewayDeploymentsOptions {
  readonly client: KubeClient;
  readonly resources: GatewayApiResources;
  readonly objects: Pick<MeshObjects, "current" | "onChange">;
  readonly settings: MeshSettings;
  readonly rootNamespace: string;
  readonly revision: string;
  readonly environment: InjectEnvironment;
  /** In effect now, oldest first. */
  readonly proxyConfigs: () => readonly ProxyConfigResource[];
  /** Whether this istiod is the one of its revision that deploys. */
  readonly leadership: Leadership;
  readonly signal: AbortSignal;
  readonly log: Log;
}

const fieldManager = "istio.io/gateway-controller";

/** What is deployed for Gateways, by kind. The mark on the Gateway itself is the first. */
const types: Readonly<Record<string, ResourceType>> = {
  Gateway: resourceTypes.kubernetesGateways,
  ServiceAccount: resourceTypes.serviceAccounts,
  Deployment: resourceTypes.deployments,
  Service: resourceTypes.services,
  HorizontalPodAutoscaler: resourceTypes.horizontalPodAutoscalers,
  PodDisruptionBudget: resourceTypes.podDisruptionBudgets,
};

/**
 * Deploys a gateway for every Gateway of our class, and keeps it as it should be. What is deployed belongs to the Gateway, so that
 * Kubernetes takes it away with it. To be started when resources and settings are there. Istio: DeploymentController.
 */
export function keepGatewayDeployments(options: GatewayDeploymentsOptions): void {
  const { client, resources, settings, rootNamespace, signal, log } = options;
  /** What was applied last, by Gateway, so that nothing is asked of the API server when nothing changed. */
  const applied = new Map<string, string>();
  const reconciler = createReconciler({ reconcile, signal, log });

  function askAll(): void {
    for (const key of resources.current().kubernetesGateways.keys()) reconciler.ask(key);
  }

  resources.onChange((type, key) => {
    if (type === "kubernetesGateways") reconciler.ask(key);
    else if (type === "gatewayClasses" || type === "listenerSets" || type === "configMaps") askAll();
  });
  settings.onChange(askAll);
  options.objects.onChange((type) => {
    // Which namespaces the mesh looks at, and whose ListenerSets a Gateway takes, hangs on their labels.
    if (type === "namespaces") askAll();
  });
  options.leadership.onElected(() => {
    // Somebody else may have applied something since.
    applied.clear();
    askAll();
  });
  const labelSelector = `${managedLabel}=${gatewayController.replace("/", "-")}`;
  for (const type of [resourceTypes.serviceAccounts, resourceTypes.deployments, resourceTypes.services]) {
    startInformer(client, type, { signal, log, labelSelector }).onChange(({ before, after }) => {
      const { namespace, labels } = before?.metadata ?? {};
      if (after || !labels?.[gatewayNameLabel]) return;
      const key = `${namespace}/${labels[gatewayNameLabel]}`;
      applied.delete(key);
      reconciler.ask(key);
    });
  }

  async function reconcile(key: string): Promise<void> {
    if (!options.leadership.isLeader()) return;
    const current = resources.current();
    const gateway = current.kubernetesGateways.get(key);
    const objects = gateway && render(gateway);
    if (gateway === undefined || objects === undefined) {
      applied.delete(key);
      return;
    }
    const version = Number(gateway.metadata.annotations?.[controllerVersionAnnotation] ?? 0);
    if (version > controllerVersion) return;
    const text = JSON.stringify(objects);
    if (applied.get(key) === text) return;
    for (const object of objects) await apply(object, key);
    applied.set(key, text);
    log.info("gateway deployed", { gateway: key });
  }

  function render(gateway: KubernetesGateway): readonly DeployedObject[] | undefined {
    const current = resources.current();
    const info = classNamed(gateway.spec.gatewayClassName, current);
    const customizations = customizationsOf(gateway, resources.configMaps(), rootNamespace);
    const { namespaces } = options.objects.current();
    if (info === undefined || gateway.metadata.deletionTimestamp || "error" in customizations) return undefined;
    return deployedObjects(gateway, {
      info,
      values: settings.injectValues(),
      mesh: settings.rawMesh(),
      revision: options.revision,
      environment: options.environment,
      proxyConfigs: options.proxyConfigs(),
      copiesMetadata: true,
      isWatched: (namespace) => isDiscovered(namespace, namespaces, settings.meshConfig()),
      moreListeners: attachedListeners(gateway, current.listenerSets, info, namespaces),
      customizations,
    });
  }

  async function apply(object: DeployedObject, gateway: string): Promise<void> {
    const type = types[object.kind];
    const { namespace, name } = object.metadata;
    if (type === undefined) return;
    if (object.kind !== "Gateway") {
      const existing = await client.find(type, { namespace, name });
      if (existing && existing.metadata?.labels?.[managedLabel] === undefined) {
        log.warn("not deployed: an object of this name is there already and isn't managed", {
          gateway,
          kind: object.kind,
          resource: objectKey(existing),
        });
        return;
      }
    }
    await client.patch(type, { namespace, name, patch: object, as: "apply", fieldManager, force: true });
  }
}
