import type { Deployment } from "kubernetes-types/apps/v1.d.ts";
import type { Pod, PodSpec } from "kubernetes-types/core/v1.d.ts";
import type { Analyzer } from "../analyzer.ts";
import { isControlPlane } from "../mesh.ts";
import { type Message, message } from "../message.ts";

/** What runs as the proxy's user isn't captured: its traffic passes by the mesh. */
const proxyUid = 1337;

export const applicationUid: Analyzer = {
  name: "deployment.ApplicationUIDAnalyzer",
  description: "no application runs as the proxy's user",
  needs: "cluster",
  analyze: (mesh) => [
    ...mesh.pods.flatMap((pod) => check(pod, pod.spec, "spec")),
    ...mesh.deployments.flatMap((deployment) =>
      check(deployment, deployment.spec?.template?.spec, "spec.template.spec"),
    ),
  ],
};

function check(object: Pod | Deployment, spec: PodSpec | undefined, field: string): Message[] {
  if (isControlPlane(object)) return [];
  const offenders: string[] = [];
  if (spec?.securityContext?.runAsUser === proxyUid) offenders.push(`${field}.securityContext.runAsUser`);
  for (const [index, { name, securityContext }] of (spec?.containers ?? []).entries()) {
    if (name !== "istio-proxy" && securityContext?.runAsUser === proxyUid)
      offenders.push(`${field}.containers[${index}].securityContext.runAsUser`);
  }
  if (offenders.length === 0) return [];
  const text = `${offenders.join(" and ")} must not be ${proxyUid}: this is the proxy's user, whose traffic isn't captured`;
  return [message("InvalidApplicationUID", object, undefined, text)];
}
