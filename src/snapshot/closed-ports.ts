import type { Pod } from "kubernetes-types/core/v1.d.ts";
import type { Gateway } from "#api/istio/gateway.ts";
import { selects } from "#model/labels.ts";
import { memo } from "#model/memo.ts";
import { firstUnprivilegedPort } from "#model/proxy.ts";
import { gatewayServiceAnnotation } from "#model/route-semantics.ts";
import type { Service } from "#model/service.ts";
import type { Objects } from "./input.ts";
import type { Conflict } from "./problem.ts";

/** Servers on ports that no gateway may open, and that no Service leads to another port. Istio: buildGatewayListeners. */
export const closedPorts: (
  gateways: readonly Gateway[],
  services: readonly Service[],
  pods: Objects<Pod>,
) => readonly Conflict[] = memo((gateways, services, pods) =>
  gateways.flatMap((gateway) => {
    const { name = "", namespace = "", annotations } = gateway.metadata;
    const servers = (gateway.spec.servers ?? []).map(({ port }, index) => ({ index, number: port?.number ?? 0 }));
    const low = servers.filter(({ number }) => number < firstUnprivilegedPort);
    if (low.length === 0 || annotations?.[gatewayServiceAnnotation] !== undefined) return [];
    const selected = [...pods.values()].filter(({ metadata }) =>
      selects(gateway.spec.selector, metadata?.labels ?? {}),
    );
    const gatewayPods = gateway.spec.selector === undefined ? [] : selected;
    return low.flatMap(({ index, number }) => {
      if (gatewayPods.length === 0 || gatewayPods.some((pod) => opens(pod, number, services))) return [];
      const message = `no Pod that it selects may open port ${number}, and no Service of theirs has it with a targetPort from ${firstUnprivilegedPort} on: nothing is served there`;
      const field = `spec.servers[${index}].port.number`;
      return [{ reason: "NotFound", resource: `Gateway ${namespace}/${name}`, field, message }] as const;
    });
  }),
);

function opens(pod: Pod, number: number, services: readonly Service[]): boolean {
  if (!isUnprivileged(pod)) return true;
  const { namespace, labels = {} } = pod.metadata ?? {};
  const mine = services.filter(
    (service) =>
      service.namespace === namespace &&
      service.registry === "Kubernetes" &&
      Object.keys(service.selector).length > 0 &&
      selects(service.selector, labels),
  );
  return mine.some(({ ports }) =>
    ports.some(
      ({ port, targetPort }) =>
        port === number && (typeof targetPort === "string" || targetPort >= firstUnprivilegedPort),
    ),
  );
}

function isUnprivileged({ spec }: Pod): boolean {
  const env = spec?.containers.flatMap((container) => container.env ?? []) ?? [];
  return env.some(({ name, value }) => name === "ISTIO_META_UNPRIVILEGED_POD" && value === "true");
}
