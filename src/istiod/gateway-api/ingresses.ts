import type { Ingress, IngressClass } from "kubernetes-types/networking/v1.d.ts";
import { type ConvertedIngresses, convertIngresses } from "#gateway-api/ingress.ts";
import type { KubeClient } from "#kube/client.ts";
import { startInformer } from "#kube/informer.ts";
import { resourceTypes } from "#kube/resource-types.ts";
import type { Log } from "#log/log.ts";
import type { InputObjects } from "#snapshot/input.ts";
import type { WantedStatus } from "#status/resource-status.ts";
import type { MeshSettings } from "../mesh-settings.ts";

/** The cluster's Ingresses of our class. */
export interface Ingresses {
  readonly synced: Promise<void>;
  onChange(listener: () => void): void;
  isUsed(): boolean;
  convert(objects: InputObjects): Pick<ConvertedIngresses, "gateways" | "virtualServices"> & {
    readonly statuses: readonly WantedStatus[];
  };
}

export interface IngressesOptions {
  readonly client: KubeClient;
  readonly settings: Pick<MeshSettings, "rawMesh">;
  readonly clusterDomain: string;
  readonly rootNamespace: string;
  readonly signal: AbortSignal;
  readonly log: Log;
}

const modes = ["OFF", "DEFAULT", "STRICT"] as const;

export function followIngresses(options: IngressesOptions): Ingresses {
  const { client, settings, clusterDomain, rootNamespace, signal, log } = options;
  const ingresses = startInformer<Ingress>(client, resourceTypes.ingresses, { signal, log });
  const classes = startInformer<IngressClass>(client, resourceTypes.ingressClasses, { signal, log });
  const text = (field: string, fallback: string): string => {
    const value = settings.rawMesh()[field];
    return typeof value === "string" && value !== "" ? value : fallback;
  };

  return {
    synced: Promise.all([ingresses.synced, classes.synced]).then(() => {}),
    isUsed: () => ingresses.size > 0,
    onChange(listener) {
      ingresses.onChange(listener);
      classes.onChange(listener);
    },
    convert({ services }) {
      const ingressService = text("ingressService", "istio-ingressgateway");
      const converted = convertIngresses({
        ingresses: ingresses.current(),
        ingressClasses: classes.current(),
        services,
        clusterDomain,
        rootNamespace,
        mode: modes.find((mode) => mode === settings.rawMesh()["ingressControllerMode"]) ?? "STRICT",
        ingressClass: text("ingressClass", "istio"),
        ingressSelector: text("ingressSelector", ""),
        ingressService,
      });
      // Where the service of the gateway can be reached, the Ingress can. Istio: ingress status syncer.
      const loadBalancer = services.get(`${rootNamespace}/${ingressService}`)?.status?.loadBalancer ?? {};
      const statuses = converted.ingresses.map((object) => ({
        type: resourceTypes.ingresses,
        object,
        status: { ...object.status, loadBalancer },
      }));
      return { ...converted, statuses };
    },
  };
}
