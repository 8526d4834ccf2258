import type { Container } from "kubernetes-types/core/v1.d.ts";
import type { InjectionStatus } from "./injection-status.ts";
import { findProxy, type InjectablePod, type PodOverlay, proxyContainerName } from "./pod.ts";
import { strategicMerge } from "./strategic-merge.ts";

interface Overrides {
  containers?: Container[];
  initContainers?: Container[];
}

const annotation = "proxy.istio.io/overrides";

/** Overrides that an earlier injection recorded. Throws when the annotation isn't JSON. */
function recordedOverrides(pod: InjectablePod): Overrides {
  const text = pod.metadata?.annotations?.[annotation];
  return text === undefined ? {} : (JSON.parse(text) as Overrides);
}

/** The pod as the user wrote it: containers that an earlier injection merged with its own are put back. */
export function withRecordedOverrides(pod: InjectablePod): InjectablePod {
  const { containers = [], initContainers = [] } = recordedOverrides(pod);
  if (containers.length + initContainers.length === 0 || !pod.spec) return pod;
  const missing = (from: readonly Container[], to: readonly Container[]): Container[] =>
    from.filter((item) => !to.some((other) => other.name === item.name));
  const inits = pod.spec.initContainers ?? [];
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: [...pod.spec.containers, ...missing(containers, pod.spec.containers)],
      initContainers: [...inits, ...missing(initContainers, inits)],
    },
  };
}

/**
 * What the user declares in a container of an injected name (`istio-proxy`, `istio-init`) wins over what is injected.
 * Applied to `merged`, and recorded in an annotation, so that a second injection can do it again. Containers that an
 * earlier injection made are not the user's and give way to new ones.
 */
export function applyOverrides(
  merged: InjectablePod,
  original: InjectablePod,
  overlay: PodOverlay,
  previous: InjectionStatus | undefined,
): InjectablePod {
  const recorded = recordedOverrides(original);
  const ownContainers = original.spec?.containers ?? [];
  const ownInits = original.spec?.initContainers ?? [];
  const chosen = (
    injected: readonly Container[],
    earlier: readonly string[] | null | undefined,
    kept: readonly Container[] | undefined,
    own: readonly Container[],
  ): Container[] =>
    injected
      .filter((item) => !earlier?.includes(item.name))
      .map(
        (item) =>
          (kept ?? []).find((other) => other.name === item.name) ?? own.find((other) => other.name === item.name),
      )
      .filter((item) => item !== undefined)
      .map(withoutAutoImage);
  const containers = chosen(overlay.spec.containers, previous?.containers, recorded.containers, ownContainers);
  const initContainers = chosen(overlay.spec.initContainers ?? [], previous?.initContainers, recorded.initContainers, [
    ...ownInits,
    ...ownContainers,
  ]);
  if (containers.length + initContainers.length === 0) return merged;
  const overrides: Overrides = {
    ...(containers.length > 0 ? { containers } : {}),
    ...(initContainers.length > 0 ? { initContainers } : {}),
  };
  const pod = strategicMerge(merged, { spec: overrides });
  if (!previous) {
    const annotations = { ...pod.metadata?.annotations, [annotation]: JSON.stringify(overrides) };
    return { ...pod, metadata: { ...pod.metadata, annotations } };
  }
  return pod;
}

/** `image: auto` stands for the injected image: a container must name one. */
function withoutAutoImage(container: Container): Container {
  if (container.image !== "auto") return container;
  const { image: _, ...rest } = container;
  return rest;
}

/**
 * When the user's `istio-proxy` runs as another user, capture must leave that user's traffic alone instead of 1337's.
 * Changes the merged pod. In TPROXY mode the proxy stays root.
 */
export function adjustCaptureUser(merged: InjectablePod, original: InjectablePod, tproxy: boolean): void {
  const own = original.spec && findProxy(original.spec)?.securityContext;
  const capture = merged.spec?.initContainers?.find(
    (item) => item.name === "istio-init" || item.name === "istio-validation",
  );
  if (!own || !capture || !merged.spec || (own.runAsUser === undefined && own.runAsGroup === undefined)) return;
  if (tproxy && own.runAsUser !== undefined) {
    const proxy = findProxy(merged.spec);
    if (proxy) proxy.securityContext = { ...proxy.securityContext, runAsUser: 0 };
  }
  if (!tproxy && capture.name === "istio-validation")
    capture.securityContext = {
      ...capture.securityContext,
      ...(own.runAsUser === undefined ? {} : { runAsUser: own.runAsUser }),
      ...(own.runAsGroup === undefined ? {} : { runAsGroup: own.runAsGroup }),
    };
  const at = capture.args?.indexOf("-u") ?? -1;
  if (own.runAsUser && capture.args && at >= 0)
    capture.args = capture.args.map((arg, index) => (index === at + 1 ? String(own.runAsUser) : arg));
}

/** With native sidecars the user's `istio-proxy` moves to the init containers, where the injected one is. */
export function moveProxyToInit(pod: InjectablePod): InjectablePod {
  const own = pod.spec?.containers.find((item) => item.name === proxyContainerName);
  if (!own || !pod.spec) return pod;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: pod.spec.containers.filter((item) => item !== own),
      initContainers: [...(pod.spec.initContainers ?? []), own],
    },
  };
}
