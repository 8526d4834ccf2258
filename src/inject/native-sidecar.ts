/**
 * Whether the proxy is a native sidecar, an init container that keeps running: by the pod's annotation, else as the
 * control plane is set, else when every node is 1.33 or later. Istio: DetectNativeSidecar.
 */
export function isNativeSidecar(
  annotation: string | undefined,
  setting: string | undefined,
  kubeletVersions: readonly string[],
): boolean {
  if (annotation !== undefined) return annotation !== "false";
  if (setting !== undefined && setting !== "" && setting.toLowerCase() !== "auto")
    return setting.toLowerCase() === "true";
  return kubeletVersions.length > 0 && kubeletVersions.every(is133OrLater);
}

function is133OrLater(version: string): boolean {
  const [, major = "0", minor = "0"] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 33);
}
