import type { Container, Pod } from "kubernetes-types/core/v1.d.ts";
import type { Naming } from "./naming.ts";

/** The user that the sidecar runs as. */
const proxyUser = 1337;

/** The container in which Envoy runs, also where it is a native sidecar. */
export function hasProxy({ spec }: Pod): boolean {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(({ name }) => name === "istio-proxy");
}

/** What there is to say of a pod by itself. Istio: printPod. */
export function podLines(pod: Pod, name: Naming, ignoreUnmeshed: boolean): string[] {
  const { spec, status, metadata } = pod;
  const containers: readonly Container[] = [
    ...(spec?.containers ?? []),
    ...(spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always"),
  ];
  const ports = containers.flatMap((container) =>
    (container.ports ?? []).map(({ containerPort, protocol = "TCP" }) => {
      const suffix = protocol === "TCP" ? "" : `/${protocol}`;
      return `${containerPort}${suffix} (${container.name})`;
    }),
  );
  const lines = containers
    .filter(
      ({ name: container, securityContext }) => container !== "istio-proxy" && securityContext?.runAsUser === proxyUser,
    )
    .map(() => `WARNING: User ID (UID) ${proxyUser} is reserved for the sidecar proxy.`);
  lines.push(`Pod: ${name(pod)}`, `   Pod Revision: ${revisionOf(pod)}`);
  lines.push(ports.length > 0 ? `   Pod Ports: ${ports.join(", ")}` : "   Pod does not expose ports");
  if (status?.phase !== "Running") return [...lines, `   Pod is not Running (${status?.phase ?? "Unknown"})`];
  for (const [kind, statuses] of [
    ["Container", status.containerStatuses],
    ["Init Container", status.initContainerStatuses],
  ] as const) {
    for (const { ready, name: container } of statuses ?? []) {
      if (!ready) lines.push(`WARNING: Pod ${name(pod)} ${kind} ${container} NOT READY`);
    }
  }
  if (ignoreUnmeshed) return lines;
  if (!hasProxy(pod)) return [...lines, `WARNING: ${name(pod)} is not part of mesh; no Istio sidecar`];
  if (spec?.securityContext?.runAsUser === proxyUser) {
    lines.push(`   WARNING: User ID (UID) ${proxyUser} is reserved for the sidecar proxy.`);
  }
  const labels = metadata?.labels ?? {};
  const has = (keys: readonly string[]): boolean => keys.some((key) => labels[key] !== undefined);
  const docs = "https://istio.io/latest/docs/ops/deployment/requirements/";
  if (!has(["service.istio.io/canonical-name", "app.kubernetes.io/name", "app"])) {
    lines.push(`Suggestion: add required service name label for Istio telemetry. See ${docs}.`);
  }
  if (!has(["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"])) {
    lines.push(`Suggestion: add required service revision label for Istio telemetry. See ${docs}.`);
  }
  return lines;
}

function revisionOf({ metadata }: Pod): string {
  const told = metadata?.labels?.["istio.io/rev"] ?? metadata?.annotations?.["istio.io/rev"];
  if (told !== undefined) return told;
  try {
    const status = JSON.parse(metadata?.annotations?.["sidecar.istio.io/status"] ?? "{}") as { revision?: unknown };
    return typeof status.revision === "string" ? status.revision : "";
  } catch {
    return "";
  }
}
