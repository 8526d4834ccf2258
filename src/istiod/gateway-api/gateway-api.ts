import type { ServerTLS } from "#api/istio/gateway.ts";
import { type Converted, convertGatewayApi, keepEqual } from "#gateway-api/convert.ts";
import type { KubeClient } from "#kube/client.ts";
import type { Leadership } from "#kube/leader-election.ts";
import { type KubeObject } from "#kube/object.ts";
import type { Log } from "#log/log.ts";
import { gatewayServiceAnnotation } from "#model/route-semantics.ts";
import { discovered } from "#snapshot/discovery.ts";
import type { GeneratedConfig, InputObjects } from "#snapshot/input.ts";
import { sourceKey } from "#status/config-sources.ts";
import { createProblemBook, type ProblemBook } from "#status/problem-book.ts";
import { createResourceStatusWriter } from "#status/resource-status.ts";
import { withProblem } from "#status/whole-status.ts";
import type { Credentials } from "../credentials/credentials.ts";
import type { MeshSettings } from "../mesh-settings.ts";
import type { ServedTypes } from "../served-types.ts";
import { keepBuiltInClasses } from "./built-in-classes.ts";
import { servicesNamed } from "./gateway-services.ts";
import { followIngresses } from "./ingresses.ts";
import { followGatewayApiResources, type GatewayApiResources, typeOfObject } from "./resources.ts";

/** The Kubernetes Gateway API of the cluster. */
export interface GatewayApi {
  readonly synced: Promise<void>;
  /** Something changed that the conversion hangs on, besides the objects that are handed to it. */
  onChange(listener: () => void): void;
  /** Converts what is there now and sees to the statuses. What didn't change is the same object as before. */
  convert(objects: InputObjects): GeneratedConfig;
  /** Whether a Gateway that is served by the proxies of a namespace uses the credential. */
  refersTo(proxyNamespace: string, credential: string): boolean;
  /** Whether statuses follow from endpoints: Gateways say where they can be reached. */
  watchesEndpoints(): boolean;
  readonly resources: GatewayApiResources;
  /** What proxies refuse of what was made from these resources: their statuses say so. */
  readonly rejections: Pick<ProblemBook, "report">;
}

export interface GatewayApiOptions {
  readonly client: KubeClient;
  readonly served: ServedTypes;
  readonly credentials: Pick<Credentials, "secrets" | "configMaps">;
  readonly settings: Pick<MeshSettings, "rawMesh" | "meshConfig">;
  readonly clusterDomain: string;
  readonly rootNamespace: string;
  /** Whether this istiod writes the statuses. */
  readonly leadership: Leadership;
  readonly signal: AbortSignal;
  readonly log: Log;
}

const nothing: GeneratedConfig = Object.freeze({ virtualServices: [], destinationRules: [], gateways: [] });

export function followGatewayApi(options: GatewayApiOptions): GatewayApi {
  const { client, served, clusterDomain, rootNamespace, signal, log } = options;
  const { secrets, configMaps } = options.credentials;
  const resources = followGatewayApiResources({ served, configMaps });
  const ingresses = followIngresses(options);
  const statuses = createResourceStatusWriter({ client, leadership: options.leadership, signal, log });
  const listeners: (() => void)[] = [];
  const rejections = createProblemBook(() => tell());
  let converted: Converted | undefined;
  let told: GeneratedConfig = nothing;
  keepBuiltInClasses({ client, served, signal, log });

  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  resources.onChange((type) => {
    if (type !== "configMaps" || resources.isUsed()) tell();
  });
  ingresses.onChange(tell);
  secrets.onChange(() => {
    if (resources.isUsed()) tell();
  });

  return {
    synced: Promise.all([resources.synced, ingresses.synced]).then(() => {}),
    onChange: (listener) => void listeners.push(listener),
    watchesEndpoints: () => resources.current().kubernetesGateways.size > 0,
    resources,
    rejections,
    refersTo: (namespace, credential) =>
      converted?.gateways.some(({ metadata, spec }) => {
        const services = metadata.annotations?.[gatewayServiceAnnotation]?.split(",") ?? [];
        if (!services.some((host) => host.split(".")[1] === namespace)) return false;
        return spec.servers?.some(({ tls }) => credentialsOf(tls).includes(credential)) ?? false;
      }) ?? false,
    convert(objects) {
      const parts = [convertResources(objects), ingresses.isUsed() ? ingresses.convert(objects) : unused];
      statuses.write(parts.flatMap((part) => part.statuses));
      told = keepGenerated(told, {
        virtualServices: parts.flatMap(({ virtualServices }) => virtualServices),
        destinationRules: converted?.destinationRules ?? [],
        gateways: parts.flatMap(({ gateways }) => gateways),
      });
      return told;
    },
  };

  function withRejection({ kind, metadata }: KubeObject, status: unknown): unknown {
    const { name = "", namespace = "", generation } = metadata ?? {};
    const problem = rejections.problemOf(sourceKey({ kind: kind ?? "", namespace, name }));
    return withProblem(status ?? {}, problem, { generation, now: new Date(), controllers: "istio.io/" });
  }

  function convertResources(objects: InputObjects) {
    if (!resources.isUsed()) {
      converted = undefined;
      return unused;
    }
    const { services, namespaces, serviceEntries } = objects;
    converted = convertGatewayApi(
      {
        ...discovered(resources.current(), namespaces, options.settings.meshConfig()),
        services,
        namespaces,
        serviceEntries,
        secrets: secrets.current(),
        configMaps: resources.configMaps(),
        clusterDomain,
        rootNamespace,
        servicesNamed: servicesNamed(objects, clusterDomain),
        now: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
      },
      converted,
    );
    const wanted = converted.statuses.flatMap(({ object, status }) => {
      const type = typeOfObject(object);
      return type ? [{ type, object, status: withRejection(object, status) }] : [];
    });
    return { ...converted, statuses: wanted };
  }
}

const unused = { virtualServices: [], gateways: [], statuses: [] };

/** `before` with its own lists and objects where they are as in `next`. */
function keepGenerated(before: GeneratedConfig, next: GeneratedConfig): GeneratedConfig {
  const kept: GeneratedConfig = {
    virtualServices: keepEqual(before.virtualServices, next.virtualServices),
    destinationRules: keepEqual(before.destinationRules, next.destinationRules),
    gateways: keepEqual(before.gateways, next.gateways),
  };
  const isSame =
    kept.virtualServices === before.virtualServices &&
    kept.destinationRules === before.destinationRules &&
    kept.gateways === before.gateways;
  return isSame ? before : Object.freeze(kept);
}

function credentialsOf(tls: ServerTLS | undefined): readonly string[] {
  const { credentialName, credentialNames = [], caCertCredentialName } = tls ?? {};
  return [credentialName, caCertCredentialName, ...credentialNames].flatMap((name) => name ?? []);
}
