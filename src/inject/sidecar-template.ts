import type { InjectContext } from "./context.ts";
import { captureContainers, coreDumpContainers } from "./init-container.ts";
import type { PodOverlay } from "./pod.ts";
import { proxyContainer } from "./proxy-container.ts";
import { sidecarAnnotations, sidecarLabels } from "./template-metadata.ts";
import { proxyVolumes } from "./volumes.ts";

/** What a sidecar adds to a pod. */
export function sidecarTemplate(context: InjectContext): PodOverlay {
  const proxy = proxyContainer(context);
  const pullSecrets = context.values.global.imagePullSecrets;
  return {
    metadata: { labels: sidecarLabels(context), annotations: sidecarAnnotations(context) },
    spec: {
      containers: context.native ? [] : [proxy],
      initContainers: [
        ...captureContainers(context),
        ...coreDumpContainers(context),
        ...(context.native ? [proxy] : []),
      ],
      volumes: proxyVolumes(context, { crl: true }),
      ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets.map((name) => ({ name })) } : {}),
    },
  };
}
