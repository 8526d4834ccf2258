import type { WorkloadEntry, WorkloadEntrySpec } from "#api/istio/workload-entry.ts";
import { noLocality, parseLocality } from "#model/locality.ts";
import type { Endpoint, Service, ServicePort } from "#model/service.ts";
import { networkLabel } from "./endpoints.ts";

const unixPrefix = "unix://";

/**
 * The endpoint that a workload outside of Kubernetes is for one port of a service; `undefined` where it has no address of its own
 * or doesn't have the port. Istio: convertEndpoint.
 */
export function workloadEndpoint(
  workload: WorkloadEntrySpec,
  port: ServicePort,
  { name, namespace }: { readonly name: string; readonly namespace: string },
): Endpoint | undefined {
  const { address = "", labels = {}, serviceAccount = "", weight } = workload;
  const network = workload.network || labels[networkLabel] || "";
  if (address === "" && network === "") return undefined;
  const socket = address.startsWith(unixPrefix);
  const number = socket ? 0 : portOf(workload, port);
  if (number === undefined) return undefined;
  const place = workload.locality || labels["istio-locality"] || "";
  return Object.freeze({
    address: socket ? address.slice(unixPrefix.length) : address,
    port: number,
    portName: port.name,
    labels,
    locality: place === "" ? noLocality : parseLocality(place),
    weight: weight || 1,
    namespace,
    workload: name,
    network,
    serviceAccount,
    node: "",
    isChecked: false,
    // Who has an account has a sidecar, unless it says otherwise.
    tlsMode:
      (labels["security.istio.io/tlsMode"] ?? (serviceAccount ? "istio" : "")) === "istio" ? "istio" : "disabled",
  });
}

/** A named target port must be one that the workload has. */
function portOf({ ports = {} }: WorkloadEntrySpec, { name, targetPort }: ServicePort): number | undefined {
  if (typeof targetPort === "string") return ports[targetPort];
  return ports[name] || targetPort;
}

/**
 * The endpoints that WorkloadEntries with the labels of a service's selector are for it, in the order of the entries. Those that
 * say they aren't healthy are left out.
 */
export function selectedEntries(service: Service, entries: readonly WorkloadEntry[]): readonly Endpoint[] {
  const selector = Object.entries(service.selector);
  return entries
    .filter(({ spec }) => selector.every(([key, value]) => spec.labels?.[key] === value))
    .filter(isHealthy)
    .flatMap(({ metadata, spec }) => {
      const identity = { name: metadata.name ?? "", namespace: metadata.namespace ?? "" };
      return service.ports.flatMap((port) => workloadEndpoint(spec, port, identity) ?? []);
    });
}

/** On an entry: its proxy checks the workload's health. */
export const healthChecksAnnotation = "proxy.istio.io/health-checks-enabled";

/** Istio: entries whose agent checks health take traffic once a check succeeded. */
export function isHealthy({ metadata, status }: WorkloadEntry): boolean {
  if (metadata.annotations?.[healthChecksAnnotation] !== "true") return true;
  const { conditions } = (status ?? {}) as { readonly conditions?: readonly { type?: string; status?: string }[] };
  return conditions?.find(({ type }) => type === "Healthy")?.status === "True";
}
