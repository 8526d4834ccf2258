import { type InjectSettings, injectPod } from "#inject/inject.ts";
import { injectionPatch } from "#inject/injection-patch.ts";
import type { InjectablePod } from "#inject/pod.ts";
import type { Log } from "#log/log.ts";
import type { AdmissionAnswer, AdmissionRequest } from "./admission.ts";
import { environmentOfPath } from "./inject-path.ts";

/** Answers the API server's question about a new pod; `settings` are undefined while they aren't read yet. */
export function reviewPod(
  request: AdmissionRequest,
  path: string,
  settings: InjectSettings | undefined,
  log: Log,
): AdmissionAnswer {
  if (request.kind.kind !== "Pod") return { allowed: true };
  if (!settings) return { allowed: false, message: "istiod has not read its injection settings yet; try again" };
  const pod = request.object as InjectablePod;
  const namespace = request.namespace || pod.metadata?.namespace || "default";
  const name = pod.metadata?.name || `${pod.metadata?.generateName ?? ""}?`;
  const fields = { pod: `${namespace}/${name}` };
  const output = injectPod({ ...settings, pod, namespace, proxyEnv: environmentOfPath(path) });
  if (output.kind === "skipped") {
    log.info("pod not injected", { ...fields, reason: output.reason });
    return { allowed: true };
  }
  if (output.kind === "refused") {
    log.warn("pod can't be injected", { ...fields, error: output.message });
    return { allowed: false, message: `Pod ${fields.pod}: ${output.message}` };
  }
  log.info("pod injected", fields);
  return { allowed: true, patch: injectionPatch(pod, output.pod) };
}
