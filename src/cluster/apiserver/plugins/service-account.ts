import type { Pod, Volume } from "kubernetes-types/core/v1.d.ts";
import { forbidden } from "../api-error.ts";
import type { Core } from "../core.ts";
import { generatedSuffix } from "../generated-name.ts";
import type { Obj } from "../object.ts";

const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
const volumePrefix = "kube-api-access-";

function accessVolume(name: string): Volume {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
    },
  };
}

/**
 * Kubernetes' ServiceAccount admission: the account's name, its image pull secrets, and its token mounted into every
 * container that mounts nothing there itself.
 */
export function addServiceAccount(core: Core, draft: Obj): void {
  const pod = draft as unknown as Pod;
  const { spec } = pod;
  if (!spec || pod.metadata?.annotations?.["kubernetes.io/config.mirror"] !== undefined) return;
  spec.serviceAccountName ||= "default";
  spec.serviceAccount = spec.serviceAccountName;
  const namespace = pod.metadata?.namespace ?? "";
  const account = core.store.get("serviceaccounts", namespace, spec.serviceAccountName) as
    | { automountServiceAccountToken?: boolean; imagePullSecrets?: { name: string }[] }
    | undefined;
  if (!account)
    throw forbidden(
      { group: "", plural: "pods" },
      pod.metadata?.name ?? "",
      `error looking up service account ${namespace}/${spec.serviceAccountName}: serviceaccount "${spec.serviceAccountName}" not found`,
    );
  if (account.imagePullSecrets?.length && !spec.imagePullSecrets?.length)
    spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => ({ name }));
  if ((spec.automountServiceAccountToken ?? account.automountServiceAccountToken) === false) return;

  const known = spec.volumes?.find(({ name }) => name.startsWith(volumePrefix));
  const name = known?.name ?? volumePrefix + generatedSuffix();
  let used = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath }];
    used = true;
  }
  if (used && !known) spec.volumes = [...(spec.volumes ?? []), accessVolume(name)];
}
