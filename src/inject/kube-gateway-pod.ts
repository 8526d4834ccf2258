import type { Container, PodSpec, Probe } from "kubernetes-types/core/v1.d.ts";
import type { InjectContext } from "./context.ts";
import { proxyImage } from "./image.ts";
import { proxyContainerName } from "./pod.ts";
import { proxyEnv } from "./proxy-env.ts";
import { proxyResources } from "./resources.ts";
import { proxyVolumeMounts, proxyVolumes } from "./volumes.ts";

/**
 * The pod of a gateway that is deployed for a Gateway resource. It is complete: injection leaves it alone.
 * Istio: template `kube-gateway`.
 */
export function kubeGatewayPod(context: InjectContext, serviceAccountName: string): PodSpec {
  const pullSecrets = context.values.global.imagePullSecrets;
  const volumes = proxyVolumes(context, { crl: false });
  return {
    securityContext: { sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }] },
    serviceAccountName,
    containers: [container(context)],
    volumes,
    ...(pullSecrets.length > 0 ? { imagePullSecrets: pullSecrets.map((name) => ({ name })) } : {}),
  };
}

function container(context: InjectContext): Container {
  const { imagePullPolicy, proxy, logging, logAsJson } = context.values.global;
  const resources = proxyResources(context);
  const network = context.labels["topology.istio.io/network"];
  return {
    name: proxyContainerName,
    image: proxyImage(context, proxy.image),
    ...(imagePullPolicy ? { imagePullPolicy } : {}),
    ports: [
      { containerPort: 15020, name: "metrics", protocol: "TCP" },
      { containerPort: 15021, name: "status-port", protocol: "TCP" },
      { containerPort: 15090, name: "http-envoy-prom", protocol: "TCP" },
    ],
    args: [
      "proxy",
      "router",
      "--domain",
      `$(POD_NAMESPACE).svc.${proxy.clusterDomain}`,
      "--proxyLogLevel",
      proxy.logLevel,
      "--proxyComponentLogLevel",
      proxy.componentLogLevel,
      "--log_output_level",
      logging.level,
      ...(logAsJson ? ["--log_as_json"] : []),
    ],
    env: [
      ...proxyEnv(context, "kube-gateway"),
      ...(network ? [{ name: "ISTIO_META_REQUESTED_NETWORK_VIEW", value: network }] : []),
    ],
    ...(Object.keys(resources).length > 0 ? { resources } : {}),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      privileged: false,
      readOnlyRootFilesystem: true,
      runAsGroup: 1337,
      runAsNonRoot: true,
      runAsUser: 1337,
    },
    startupProbe: { ...probe, failureThreshold: 30, initialDelaySeconds: 1, periodSeconds: 1 },
    readinessProbe: { ...probe, failureThreshold: 4, initialDelaySeconds: 0, periodSeconds: 15 },
    volumeMounts: proxyVolumeMounts(context, { crl: false }),
  };
}

const probe: Probe = {
  httpGet: { path: "/healthz/ready", port: 15021, scheme: "HTTP" },
  successThreshold: 1,
  timeoutSeconds: 1,
};
