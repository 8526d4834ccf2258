import type { PolicyAttachment, PolicyTargetReference } from "#api/istio/policy-attachment.ts";
import type { Report } from "./report.ts";
import { checkPolicySelector } from "./workload-selector-rules.ts";

/** What a policy can be attached to, as `group/Kind`. */
const targets: ReadonlySet<string> = new Set([
  "/Service",
  "core/Service",
  "networking.istio.io/ServiceEntry",
  "gateway.networking.k8s.io/Gateway",
  "gateway.networking.k8s.io/GatewayClass",
]);

/** Istio: validateOneOfSelectorType, validateWorkloadSelector, validatePolicyTargetReference. */
export function checkPolicyAttachment(spec: PolicyAttachment, report: Report): void {
  const { selector, targetRef, targetRefs } = spec;
  const given = [selector, targetRef, targetRefs].filter((one) => one !== undefined);
  if (given.length > 1) report.error("spec", "only one of selector, targetRef and targetRefs can be set");
  checkPolicySelector(selector, "spec.selector", "every workload of the namespace", report);
  if (targetRef) checkTarget(targetRef, "spec.targetRef", report);
  targetRefs?.forEach((target, index) => checkTarget(target, `spec.targetRefs[${index}]`, report));
}

function checkTarget({ group = "", kind = "", namespace }: PolicyTargetReference, field: string, report: Report): void {
  if (namespace) report.error(`${field}.namespace`, "must be left out: it is the policy's own", namespace);
  if (!targets.has(`${group}/${kind}`))
    report.error(field, "must be a Service, ServiceEntry, Gateway or GatewayClass", `${group}/${kind}`);
}
