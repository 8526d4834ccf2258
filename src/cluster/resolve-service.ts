import type { Service } from "kubernetes-types/core/v1.d.ts";
import type { Informer } from "#kube/informer.ts";
import type { ResolveService } from "./apiserver/core.ts";
import type { Endpoint } from "./network/service-ports.ts";
import { servicePorts } from "./network/service-ports.ts";
import type { SliceIndex } from "./network/slice-index.ts";

/** Finds an endpoint for the API server's own calls (webhooks, the service proxy), any of the ready ones. */
export function createResolveService(
  services: () => Informer<Service> | undefined,
  slices: () => SliceIndex | undefined,
): ResolveService {
  return async (namespace, name, port) => {
    const key = `${namespace}/${name}`;
    const service = services()?.get(key);
    if (!service) return undefined;
    const wanted = service.spec?.ports?.find((candidate) => candidate.port === Number(port) || candidate.name === port);
    const found = servicePorts(service, slices()?.of(key) ?? []).find((candidate) => candidate.port === wanted?.port);
    const endpoint = pick(found?.endpoints ?? []);
    return endpoint && { host: endpoint.ip, port: endpoint.port };
  };
}

function pick(endpoints: readonly Endpoint[]): Endpoint | undefined {
  return endpoints[Math.floor(Math.random() * endpoints.length)];
}
