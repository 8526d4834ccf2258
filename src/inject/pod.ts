import type { Container, PodSpec } from "kubernetes-types/core/v1.d.ts";
import type { OwnerReference } from "kubernetes-types/meta/v1.d.ts";

/** A pod, or the template of one: what injection reads and changes. */
export interface InjectablePod {
  metadata?: {
    name?: string;
    generateName?: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: OwnerReference[];
    [field: string]: unknown;
  };
  spec?: PodSpec;
  [field: string]: unknown;
}

/** What a template adds to a pod. */
export interface PodOverlay {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: Partial<PodSpec> & { containers: Container[] };
}

export const proxyContainerName = "istio-proxy";

/** The proxy: a container, or with native sidecars an init container. */
export function findProxy(spec: PodSpec): Container | undefined {
  return [...spec.containers, ...(spec.initContainers ?? [])].find((item) => item.name === proxyContainerName);
}
