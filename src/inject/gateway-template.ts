import type { Container } from "kubernetes-types/core/v1.d.ts";
import type { InjectContext } from "./context.ts";
import { proxyImage } from "./image.ts";
import { type PodOverlay, proxyContainerName } from "./pod.ts";
import { proxyArgs, readinessProbe } from "./proxy-container.ts";
import { proxyEnv } from "./proxy-env.ts";
import { canonicalLabels } from "./template-metadata.ts";
import { proxyVolumeMounts, proxyVolumes } from "./volumes.ts";

/** What `inject.istio.io/templates: gateway` makes of a pod: its `istio-proxy` becomes a router. */
export function gatewayTemplate(context: InjectContext): PodOverlay {
  const pullSecrets = context.values.global.imagePullSecrets;
  const sysctls = [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }];
  return {
    metadata: {
      labels: canonicalLabels(context),
      annotations: { "istio.io/rev": context.revision || "default" },
    },
    spec: {
      // lets the proxy's plain user listen on 80 and 443
      ...(context.spec.securityContext ? {} : { securityContext: { sysctls } }),
      containers: [routerContainer(context)],
      volumes: proxyVolumes(context, { crl: false }),
      ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets.map((name) => ({ name })) } : {}),
    },
  };
}

function routerContainer(context: InjectContext): Container {
  const { global } = context.values;
  const declared = context.spec.containers.find((item) => item.name === proxyContainerName);
  return {
    name: proxyContainerName,
    image: proxyImage(context, global.proxy.image),
    ...(global.imagePullPolicy ? { imagePullPolicy: global.imagePullPolicy } : {}),
    ports: [{ containerPort: 15090, protocol: "TCP", name: "http-envoy-prom" }],
    args: proxyArgs(context, "router"),
    ...(global.proxy.lifecycle ? { lifecycle: global.proxy.lifecycle } : {}),
    ...(declared?.securityContext ? {} : { securityContext: { runAsUser: 1337, runAsGroup: 1337 } }),
    env: proxyEnv(context, "router"),
    readinessProbe: readinessProbe(context),
    volumeMounts: proxyVolumeMounts(context, { crl: false }),
  };
}
