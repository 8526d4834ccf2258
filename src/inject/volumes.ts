import type { Volume, VolumeMount } from "kubernetes-types/core/v1.d.ts";
import type { InjectContext } from "./context.ts";

/** Where the proxy finds its identity, its peers' root, its own state and the pod's labels. */
export function proxyVolumeMounts(context: InjectContext, extra: { crl: boolean }): VolumeMount[] {
  const { global } = context.values;
  const istiodCerts = global.pilotCertProvider === "istiod";
  return [
    { name: "workload-socket", mountPath: "/var/run/secrets/workload-spiffe-uds" },
    { name: "credential-socket", mountPath: "/var/run/secrets/credential-uds" },
    { name: "workload-certs", mountPath: "/var/run/secrets/workload-spiffe-credentials" },
    ...(istiodCerts ? [{ name: "istiod-ca-cert", mountPath: "/var/run/secrets/istio" }] : []),
    ...(istiodCerts && extra.crl ? [{ name: "istio-ca-crl", mountPath: "/var/run/secrets/istio/crl" }] : []),
    { name: "istio-data", mountPath: "/var/lib/istio/data" },
    ...(context.annotations["sidecar.istio.io/bootstrapOverride"] === undefined
      ? []
      : [{ name: "custom-bootstrap-volume", mountPath: "/etc/istio/custom-bootstrap" }]),
    { name: "istio-envoy", mountPath: "/etc/istio/proxy" },
    { name: "istio-token", mountPath: "/var/run/secrets/tokens" },
    ...(global.mountMtlsCerts && extra.crl ? [{ name: "istio-certs", mountPath: "/etc/certs/", readOnly: true }] : []),
    { name: "istio-podinfo", mountPath: "/etc/istio/pod" },
  ];
}

/** The volumes behind those mounts. */
export function proxyVolumes(context: InjectContext, extra: { crl: boolean }): Volume[] {
  const { global } = context.values;
  const istiodCerts = global.pilotCertProvider === "istiod";
  const bootstrap = context.annotations["sidecar.istio.io/bootstrapOverride"];
  return [
    { name: "workload-socket", emptyDir: {} },
    { name: "credential-socket", emptyDir: {} },
    { name: "workload-certs", emptyDir: {} },
    ...(bootstrap === undefined ? [] : [{ name: "custom-bootstrap-volume", configMap: { name: bootstrap } }]),
    { name: "istio-envoy", emptyDir: { medium: "Memory" } },
    { name: "istio-data", emptyDir: {} },
    {
      name: "istio-podinfo",
      downwardAPI: {
        items: [
          { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
          { path: "annotations", fieldRef: { fieldPath: "metadata.annotations" } },
        ],
      },
    },
    {
      name: "istio-token",
      projected: {
        sources: [
          { serviceAccountToken: { path: "istio-token", expirationSeconds: 43200, audience: global.sds.token.aud } },
        ],
      },
    },
    ...(istiodCerts ? [{ name: "istiod-ca-cert", configMap: { name: "istio-ca-root-cert" } }] : []),
    ...(istiodCerts && extra.crl
      ? [{ name: "istio-ca-crl", configMap: { name: "istio-ca-crl", optional: true } }]
      : []),
    ...(global.mountMtlsCerts && extra.crl ? [mtlsCerts(context)] : []),
    ...(extra.crl ? userVolumes(context) : []),
  ];
}

function mtlsCerts({ spec }: InjectContext): Volume {
  return {
    name: "istio-certs",
    secret: { optional: true, secretName: `istio.${spec.serviceAccountName || "default"}` },
  };
}

function userVolumes({ annotations }: InjectContext): Volume[] {
  const own = annotations["sidecar.istio.io/userVolume"];
  if (own === undefined) return [];
  const volumes = JSON.parse(own) as Record<string, Omit<Volume, "name">>;
  return Object.entries(volumes).map(([name, volume]) => ({ ...volume, name }));
}
