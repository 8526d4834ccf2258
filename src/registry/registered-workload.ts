import type { WorkloadEntry } from "#api/istio/workload-entry.ts";
import type { WorkloadGroup } from "#api/istio/workload-group.ts";
import { formatLocality } from "#model/locality.ts";
import type { Proxy } from "#model/proxy.ts";
import { healthChecksAnnotation } from "./workload-endpoint.ts";

/*
 * WorkloadEntries that istiod itself makes for proxies that say which WorkloadGroup they belong to, and keeps for as long as they are
 * connected. Istio: pilot/pkg/autoregistration.
 */

/** What istiod notes on an entry: times are RFC 3339. */
export const registrationAnnotations = {
  /** The WorkloadGroup that it was made from. */
  group: "istio.io/autoRegistrationGroup",
  /** The istiod that the proxy was connected to last. */
  controller: "istio.io/workloadController",
  connectedAt: "istio.io/connectedAt",
  disconnectedAt: "istio.io/disconnectedAt",
} as const;

const longestName = 253;

/** `GROUP-IP`, and the network if it has one; what is too long loses its beginning. Istio: autoregisteredWorkloadEntryName. */
export function registeredName(group: string, { ip, network }: Pick<Proxy, "ip" | "network">): string {
  const parts = [group, ip.replaceAll(":", "-"), ...(network === "" ? [] : [network])];
  return parts.join("-").slice(-longestName);
}

/** The entry for a proxy of a group. What the proxy says of itself comes before what the group says. Istio: workloadEntryFromGroup. */
export function entryFromGroup(name: string, proxy: Proxy, group: WorkloadGroup): WorkloadEntry {
  const { metadata = {}, template = {} } = group.spec;
  const labels = { ...template.labels, ...metadata.labels, ...proxy.labels };
  const place = formatLocality(proxy.locality);
  const isProbed = (proxy.metadata["PROXY_CONFIG"] as { readonly readinessProbe?: unknown } | undefined)
    ?.readinessProbe;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "WorkloadEntry",
    metadata: {
      name,
      namespace: proxy.namespace,
      labels,
      annotations: {
        [registrationAnnotations.group]: group.metadata.name ?? "",
        ...metadata.annotations,
        ...(isProbed ? { [healthChecksAnnotation]: "true" } : {}),
      },
      ownerReferences: [
        {
          apiVersion: group.apiVersion,
          kind: group.kind,
          name: group.metadata.name ?? "",
          uid: group.metadata.uid ?? "",
          controller: true,
        },
      ],
    },
    spec: {
      ...template,
      address: proxy.ip,
      labels,
      ...(proxy.network === "" ? {} : { network: proxy.network }),
      ...(place === "" ? {} : { locality: place }),
    },
  };
}

/** Whether istiod made the entry. */
export function isRegistered({ metadata }: WorkloadEntry): boolean {
  return Boolean(metadata.annotations?.[registrationAnnotations.group]);
}

/** Whether the proxy behind an entry may tell how it is; `"true"` alone makes it count. Istio: isEligibleForHealthStatusUpdates. */
export function takesHealth({ metadata }: WorkloadEntry): boolean {
  return metadata.annotations?.[healthChecksAnnotation] !== undefined;
}

/**
 * Whether the proxy behind an entry has been gone for longer than `graceMs`, or, as an istiod that dies writes nothing, was connected
 * `longestMs` ago and not since. Istio: shouldCleanupEntry.
 */
export function isAbandoned(
  { metadata }: WorkloadEntry,
  now: number,
  { graceMs, longestMs }: { readonly graceMs: number; readonly longestMs: number },
): boolean {
  const { annotations = {} } = metadata;
  if (annotations[registrationAnnotations.controller] === undefined) return false;
  const connected = Date.parse(annotations[registrationAnnotations.connectedAt] ?? "");
  if (!Number.isNaN(connected)) return now - connected > longestMs;
  const gone = Date.parse(annotations[registrationAnnotations.disconnectedAt] ?? "");
  return !Number.isNaN(gone) && now - gone >= graceMs;
}
