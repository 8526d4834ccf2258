import type { PodOverlay } from "./pod.ts";

/** What an injection added, by name: the annotation `sidecar.istio.io/status`. */
export interface InjectionStatus {
  readonly initContainers: readonly string[] | null;
  readonly containers: readonly string[] | null;
  readonly volumes: readonly string[] | null;
  readonly imagePullSecrets: readonly string[] | null;
  readonly revision: string;
}

/** The status of what a template adds. Istio writes null for an empty list. */
export function statusOf(overlay: PodOverlay, revision: string): InjectionStatus {
  const names = (items: readonly { name?: string }[] | undefined): string[] | null =>
    items && items.length > 0 ? items.map((item) => item.name ?? "") : null;
  return {
    initContainers: names(overlay.spec.initContainers),
    containers: names(overlay.spec.containers),
    volumes: names(overlay.spec.volumes),
    imagePullSecrets: names(overlay.spec.imagePullSecrets),
    revision: revision || "default",
  };
}

/** The status that an earlier injection left; undefined without one, or when it can't be read. */
export function readStatus(annotations: Readonly<Record<string, string>> | undefined): InjectionStatus | undefined {
  const text = annotations?.["sidecar.istio.io/status"];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as InjectionStatus) : undefined;
  } catch {
    return undefined;
  }
}
