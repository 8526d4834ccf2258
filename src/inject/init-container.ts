import type { Container } from "kubernetes-types/core/v1.d.ts";
import { captureArgs } from "./capture-args.ts";
import { annotationOr, type InjectContext } from "./context.ts";
import { proxyImage } from "./image.ts";
import { fromValues, proxyResources } from "./resources.ts";

/** `istio-init` writes the capture rules; with the CNI plugin `istio-validation` only checks that they work. */
export function captureContainers(context: InjectContext): Container[] {
  if (context.interceptionMode === "NONE") return [];
  const cni = context.values.pilot.cni.enabled;
  const { proxy, proxy_init: init, imagePullPolicy } = context.values.global;
  const metadata = Object.entries(context.proxyConfig.proxyMetadata ?? {});
  return [
    {
      name: cni ? "istio-validation" : "istio-init",
      image: proxyImage(context, init.image),
      args: captureArgs(context),
      ...(imagePullPolicy ? { imagePullPolicy } : {}),
      ...(metadata.length > 0 ? { env: metadata.map(([name, value]) => ({ name, value: String(value) })) } : {}),
      resources: init.resources ? fromValues(init.resources) : proxyResources(context),
      securityContext: {
        allowPrivilegeEscalation: proxy.privileged,
        privileged: proxy.privileged,
        capabilities: { ...(cni ? {} : { add: ["NET_ADMIN", "NET_RAW"] }), drop: ["ALL"] },
        readOnlyRootFilesystem: cni,
        runAsGroup: cni ? 1337 : 0,
        runAsNonRoot: cni,
        runAsUser: cni ? 1337 : 0,
      },
    },
  ];
}

/** Whether the proxy may leave core dumps. */
export function coreDumps(context: InjectContext): boolean {
  return (
    annotationOr(context, "sidecar.istio.io/enableCoreDump", context.values.global.proxy.enableCoreDump) === "true"
  );
}

/** Opens the kernel's core pattern, where core dumps are asked for. */
export function coreDumpContainers(context: InjectContext): Container[] {
  if (!coreDumps(context)) return [];
  const { proxy_init: init, imagePullPolicy } = context.values.global;
  return [
    {
      name: "enable-core-dump",
      image: proxyImage(context, init.image),
      command: ["/bin/sh"],
      args: ["-c", "sysctl -w kernel.core_pattern=/var/lib/istio/data/core.proxy && ulimit -c unlimited"],
      ...(imagePullPolicy ? { imagePullPolicy } : {}),
      resources: proxyResources(context),
      securityContext: {
        allowPrivilegeEscalation: true,
        capabilities: { add: ["SYS_ADMIN"], drop: ["ALL"] },
        privileged: true,
        readOnlyRootFilesystem: false,
        runAsGroup: 0,
        runAsNonRoot: false,
        runAsUser: 0,
      },
    },
  ];
}
