import { createHash } from "node:crypto";
import type { Pod, PodTemplateSpec } from "kubernetes-types/core/v1.d.ts";
import type { KubeObject, ResourceType } from "#kube/object.ts";
import { canonicalJson } from "./json-equal.ts";
import { controllerReference } from "./owners.ts";

/** No vowels, and nothing that is easily taken for something else: Kubernetes' alphabet for generated names. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** Ten characters that stand for the template; `collisionCount` gives another name when one is taken by a stranger. */
export function templateHash(template: PodTemplateSpec, collisionCount = 0): string {
  const digest = createHash("sha256").update(templateKey(template)).update(`\0${collisionCount}`).digest();
  let number = digest.readBigUInt64BE();
  let text = "";
  while (text.length < 10) {
    text += alphabet[Number(number % 27n)];
    number /= 27n;
  }
  return text;
}

/** Equal for templates that differ at most in the labels that controllers add. */
export function templateKey(template: PodTemplateSpec): string {
  const { creationTimestamp: _creation, labels = {}, annotations = {}, ...metadata } = template.metadata ?? {};
  const { "pod-template-hash": _hash, "controller-revision-hash": _revision, ...own } = labels;
  return canonicalJson({ metadata: { ...metadata, labels: own, annotations }, spec: template.spec ?? {} });
}

/** A pod as `owner` (of `type`) makes it from its template; `name` when it must have one, else a generated one. */
export function podFromTemplate(owner: KubeObject, type: ResourceType, template: PodTemplateSpec, name?: string): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    metadata: {
      ...(name === undefined ? { generateName: podPrefix(owner.metadata?.name ?? "") } : { name }),
      namespace: owner.metadata?.namespace ?? "default",
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(owner, type)],
    },
    ...(template.spec ? { spec: template.spec } : {}),
  };
}

/** The longest name that still leaves room for the five random characters. */
function podPrefix(owner: string): string {
  return `${owner.slice(0, 57)}-`;
}
