import type { GatewayClass } from "#api/gateway-api/gateway.ts";
import { builtInClasses } from "#gateway-api/gateway-class.ts";
import type { KubeClient } from "#kube/client.ts";
import { isKubeError } from "#kube/error.ts";
import { createReconciler } from "#kube/reconciler.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import type { ServedTypes } from "../served-types.ts";

export interface BuiltInClassesOptions {
  readonly client: KubeClient;
  readonly served: ServedTypes;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** Makes the GatewayClasses that Istio brings, and makes them again when they are gone. What a user made of them stays. */
export function keepBuiltInClasses({ client, served, signal, log }: BuiltInClassesOptions): void {
  const type = resourceTypes.gatewayClasses;
  const reconciler = createReconciler({
    signal,
    log,
    async reconcile(name) {
      const wanted = builtInClasses.find((one) => one.name === name);
      if (wanted === undefined || (await client.find(type, { name })) !== undefined) return;
      const { controller: controllerName, text: description } = wanted;
      try {
        await client.create<Partial<GatewayClass>>(type, { metadata: { name }, spec: { controllerName, description } });
        log.info("gateway class created", { name });
      } catch (error) {
        if (!isKubeError(error, "AlreadyExists")) throw error;
      }
    },
  });
  served.follow(type, {
    onServed() {
      for (const { name } of builtInClasses) reconciler.ask(name);
    },
    onChange(name, after) {
      if (!after) reconciler.ask(name);
    },
  });
}
