import type { Namespace, Service } from "kubernetes-types/core/v1.d.ts";
import type { EndpointSlice } from "kubernetes-types/discovery/v1.d.ts";
import type { KubeObject } from "#kube/object.ts";
import { type Place, type Size, serviceAt } from "./size.ts";

/** Endpoints that each service has. */
const endpointsEach = 2;

export function namespaces({ namespaces: count }: Size): Namespace[] {
  return Array.from({ length: count }, (_, index) => ({ metadata: { name: `ns-${index}` } }));
}

/** One HTTP port, the same for all: every sidecar has one route table with every service in it. */
export function service(size: Size, index: number): Service {
  const place = serviceAt(size, index);
  return {
    metadata: place,
    spec: { selector: { app: place.name }, ports: [{ name: "http", port: 80, targetPort: 8080 }] },
  };
}

/** `turn` moves the first endpoint to another address. */
export function slice(size: Size, index: number, turn: number = 0): EndpointSlice {
  const { name, namespace } = serviceAt(size, index);
  const address = (number: number): string => `10.${10 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  const addresses = [address(index * endpointsEach), address(index * endpointsEach + 1)];
  if (turn > 0) addresses[0] = `10.200.${(turn >> 8) & 255}.${turn & 255}`;
  return {
    metadata: { name, namespace, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: addresses.map((item) => ({ addresses: [item], conditions: { ready: true } })),
  };
}

/** Routes the service with a timeout of so many seconds. */
export function virtualService({ name, namespace }: Place, seconds: number): KubeObject {
  const http = [{ route: [{ destination: { host: name } }], timeout: `${seconds}s` }];
  return { metadata: { name, namespace }, spec: { hosts: [name], http } } as KubeObject;
}

/** Brings in the services of its own namespace. */
export function sidecarResource(namespace: string): KubeObject {
  return { metadata: { name: "default", namespace }, spec: { egress: [{ hosts: ["./*"] }] } } as KubeObject;
}
