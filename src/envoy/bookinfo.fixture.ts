import type { Pod, Service, ServicePort } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import type { DestinationRule, DestinationRuleSpec } from "#api/istio/destination-rule.ts";
import type { Gateway, GatewaySpec } from "#api/istio/gateway.ts";
import type { VirtualService, VirtualServiceSpec } from "#api/istio/virtual-service.ts";
import { defaultMeshConfig } from "#model/mesh-config.ts";
import { type Proxy, parseProxy } from "#model/proxy.ts";
import { emptyInput, type MeshInput } from "#snapshot/input.ts";

/** A small Bookinfo for tests: `reviews` in three versions, the rest in one, and an ingress gateway. */

export function virtualService(
  name: string,
  spec: VirtualServiceSpec,
  created = "2026-01-01T00:00:00Z",
): VirtualService {
  return config("VirtualService", name, spec, created);
}

export function destinationRule(
  name: string,
  spec: DestinationRuleSpec,
  created = "2026-01-01T00:00:00Z",
): DestinationRule {
  return config("DestinationRule", name, spec, created);
}

export function gateway(name: string, spec: GatewaySpec): Gateway {
  return config("Gateway", name, spec, "2026-01-01T00:00:00Z");
}

function config<Spec>(kind: string, name: string, spec: Spec, creationTimestamp: string) {
  return {
    apiVersion: "networking.istio.io/v1",
    kind,
    metadata: { name, namespace: "default", creationTimestamp },
    spec,
  };
}

function service(
  name: string,
  ports: readonly ServicePort[],
  namespace = "default",
  clusterIP = "10.96.0.10",
): Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { clusterIP, selector: { app: name }, ports: [...ports] },
  };
}

export function pod(name: string, ip: string, labels: Readonly<Record<string, string>>, namespace = "default"): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels },
    spec: { containers: [], serviceAccountName: `bookinfo-${labels["app"]}` },
    status: { podIP: ip },
  };
}

/** The slice of a service with one port, over pods that are all ready. */
export function slice(serviceName: string, pods: readonly Pod[], port: number, portName = "http"): EndpointSlice {
  const namespace = pods[0]?.metadata?.namespace ?? "default";
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${serviceName}-a`,
      namespace,
      labels: { "kubernetes.io/service-name": serviceName },
    },
    addressType: "IPv4",
    endpoints: pods.map(({ metadata, status }) => ({
      addresses: [status?.podIP ?? ""],
      conditions: { ready: true },
      targetRef: { kind: "Pod", name: metadata?.name ?? "", namespace },
    })),
    ports: [{ name: portName, port }],
  };
}

type Keyed = { readonly metadata?: { readonly name?: string; readonly namespace?: string } };

/** Objects under their keys. */
export function keyed<T extends Keyed>(objects: readonly T[]): ReadonlyMap<string, T> {
  return new Map(objects.map((object) => [`${object.metadata?.namespace}/${object.metadata?.name}`, object]));
}

const http: readonly ServicePort[] = [{ name: "http", port: 9080 }];
const versions = ["v1", "v2", "v3"].map((version, index) =>
  pod(`reviews-${version}`, `10.0.0.${index + 1}`, { app: "reviews", version }),
);
const productpage = pod("productpage-v1", "10.0.0.10", { app: "productpage", version: "v1" });
const ratings = pod("ratings-v1", "10.0.0.11", { app: "ratings", version: "v1" });
const ingress = pod("ingress", "10.0.0.20", { app: "istio-ingressgateway", istio: "ingressgateway" }, "istio-system");

export function bookinfo(changes: Partial<MeshInput> = {}): MeshInput {
  return {
    ...emptyInput(defaultMeshConfig),
    services: keyed([
      service("productpage", http, "default", "10.96.0.11"),
      service("reviews", http, "default", "10.96.0.12"),
      service("ratings", http, "default", "10.96.0.13"),
      service("mongodb", [{ name: "mongo", port: 27017 }], "default", "10.96.0.14"),
      service("guess", [{ name: "anything", port: 7000 }], "default", "10.96.0.15"),
      service(
        "istio-ingressgateway",
        [
          { name: "http2", port: 80, targetPort: 8080 },
          { name: "https", port: 443, targetPort: 8443 },
        ],
        "istio-system",
        "10.96.0.16",
      ),
    ]),
    pods: keyed([...versions, productpage, ratings, ingress]),
    endpointSlices: keyed([
      slice("productpage", [productpage], 9080),
      slice("reviews", versions, 9080),
      slice("ratings", [ratings], 9080),
    ]),
    ...changes,
  };
}

function proxy(id: string, labels: Readonly<Record<string, string>>): Proxy {
  const parsed = parseProxy({ id, metadata: { LABELS: labels } });
  if (typeof parsed === "string") throw new Error(parsed);
  return parsed;
}

export const productpageProxy: Proxy = proxy("sidecar~10.0.0.10~productpage-v1.default~default.svc.cluster.local", {
  app: "productpage",
  version: "v1",
});

export const ingressProxy: Proxy = proxy("router~10.0.0.20~ingress.istio-system~istio-system.svc.cluster.local", {
  app: "istio-ingressgateway",
  istio: "ingressgateway",
});
